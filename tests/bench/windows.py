"""Our worker with windows only, which is what others do: `python -m tests.bench.windows worker`.

No answer is remembered, so that one sent twice counts twice: a measure beside others', not a mode.
"""

from stream.cli import main
from stream.core.book import Book
from stream.core.buckets import MINUTE
from stream.core.domain import Plain
from stream.core.domains import DOMAINS
from stream.core.feedback import Feedback
from stream.core.tally import SHIFT
from stream.worker import app


class Windows(Feedback):
    """Answers to their panes, and nothing else."""

    def apply_all(self, book: Book, plain: Plain) -> list[int]:
        for event, place, at in zip(plain.events, plain.looked, plain.times, strict=True):
            if place.leaf is None:
                place.settle(book.capped(place.dimensions, None), book.rules)
            if not place.added:
                book.own._touched.append(place)
            first = at // MINUTE << SHIFT
            for component, n in place.scores[event.data.score][1]:
                pane = first | component
                place.added[pane] = place.added.get(pane, 0) + n
        return list(plain.times)


if __name__ == "__main__":
    app.DOMAINS = (Windows(), *DOMAINS[1:])
    main()
