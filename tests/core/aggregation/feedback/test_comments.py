"""Kept comments: that of the event that counts, in every order of reading, gone with its answer."""

from random import Random

import pytest

from schemas.customers import CustomerErased
from schemas.feedback import FeedbackDeleted, FeedbackSubmitted
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.feedback.entity import ANSWER, unpack
from stream.core.aggregation.task import PartitionTask
from stream.core.model.comment import Comment, decode
from tests.core.aggregation.feedback.events import answer, deletion, offer
from tests.support import DAY, HOUR, MINUTE, NOW, Event, aggregation_config, records

TEXTS = (None, "", "  ", "slow", " slow ", "fast\n", "\U0001f600")
IDS, PEOPLE = ("f1", "f2", "f3"), (None, "c1", "c2")


class CommentLog:
    """A partition, and the comments that its flushes wrote."""

    def __init__(self, **settings: bool) -> None:
        self.task = PartitionTask(
            Feedback(), 0, 1, aggregation_config(**({"keep_comments": True} | settings))
        )
        self.comments: dict[str, Comment] = {}
        self.written = 0

    def read(self, events: list[Event]) -> None:
        """Process events together, and apply the comments of one flush."""
        self.task.process(records(events, self.task.next_offset), NOW + 90 * DAY)
        flush = self.task.prepare_flush(NOW + 90 * DAY, 0)
        for key, raw in flush.comments:
            self.written += 1
            if raw is None:
                self.comments.pop(key.decode(), None)
            else:
                self.comments[key.decode()] = decode(raw)

    @property
    def texts(self) -> dict[str, str]:
        return {name: comment.text for name, comment in self.comments.items()}


def random_events(random: Random) -> list[Event]:
    """Return answers, edits, redeliveries, offers and deletions of few answers, each answer event with its own content."""
    events: list[Event] = []
    for n in range(random.randrange(1, 25)):
        name, at = random.choice(IDS), NOW - random.randrange(5) * MINUTE
        person = random.choice(PEOPLE)
        kind = random.random()
        if kind < 0.75:
            data = FeedbackSubmitted(
                feedback_id=name,
                survey="nps",
                score=random.choice((None, 0, 8, 10)),
                revision=random.choice((0, 0, 1, 2)),
                customer_id=person,
                comment=random.choice(TEXTS),
                reasons=random.choice(((), ("price",))),
            )
            events.append(Event(data, at, NOW, f"e{n}"))
        elif kind < 0.9:
            events.append(offer(name, at, customer_id=person))
        else:
            events.append(deletion(name, at, customer_id=person))
    events += random.choices(events, k=random.randrange(4))
    return events


def expected_texts(events: list[Event]) -> dict[str, str]:
    """Return the comments by a plain reading of the contract."""
    texts = {}
    for name in IDS:
        of_answer = [event for event in events if event.data.feedback_id == name]
        submitted = [event for event in of_answer if isinstance(event.data, FeedbackSubmitted)]
        if submitted and not any(isinstance(event.data, FeedbackDeleted) for event in of_answer):
            counting = max(submitted, key=lambda event: (event.data.revision, event.at, event.id))
            if text := (counting.data.comment or "").strip():
                texts[name] = text
    return texts


@pytest.mark.parametrize("seed", range(300))
def test_the_comment_of_the_event_that_counts_is_kept(seed: int) -> None:
    random = Random(seed)
    events = random_events(random)
    for _ in range(3):
        random.shuffle(events)
        log, first = CommentLog(), 0
        while first < len(events):
            size = random.randrange(1, 8)
            log.read(events[first : first + size])
            first += size
        assert log.texts == expected_texts(events)


@pytest.mark.parametrize("seed", range(150))
def test_no_comment_outlives_its_answer(seed: int) -> None:
    """With erasures in between, of answers that change their customer, also within one flush."""
    random = Random(seed)
    events = random_events(random)
    for n in range(random.randrange(1, 4)):
        erasure = CustomerErased(customer_id=random.choice(PEOPLE[1:]))
        at = NOW - random.randrange(-2, 5) * MINUTE
        events.insert(random.randrange(len(events) + 1), Event(erasure, at, NOW, f"x{n}"))
    texts = {event.id: getattr(event.data, "comment", None) for event in events}
    log, first = CommentLog(), 0
    while first < len(events):
        size = random.randrange(1, 12)
        log.read(events[first : first + size])
        first += size
        known = {
            key[1:].decode(): unpack(raw)
            for key, raw in log.task.store.entities.items()
            if key.startswith(ANSWER)
        }
        assert log.texts == {
            name: text
            for name, stored in known.items()
            if stored.content is not None
            and (order := stored.counting_order) is not None
            and (text := (texts[order[2]] or "").strip())
        }


def test_a_comment_has_score_class_reasons_dimensions_and_time() -> None:
    log = CommentLog()
    log.read(
        [
            answer(
                "f",
                3,
                NOW - HOUR,
                comment="late",
                reasons=("delivery",),
                channel="web",
                labels={"brand": "a"},
            ),
            answer("f", 4, NOW, revision=1, comment=" later ", reasons=("delivery",), channel="app"),
        ]
    )
    assert log.comments == {
        "f": Comment(NOW, "nps", 4, "detractor", ("delivery",), {"channel": "app"}, "later")
    }


@pytest.mark.parametrize(
    ("survey", "score", "more", "expected"),
    [
        ("nps", 9, {}, "promoter"),
        ("nps", 7, {}, "passive"),
        ("nps", 6, {}, "detractor"),
        ("nps", None, {}, None),
        ("nps", 9, {"transaction_time": "2031-01-01T00:00:00Z"}, None),
        ("csat", 4, {}, "satisfied"),
        ("csat", 3, {}, "dissatisfied"),
        ("ces", 2, {}, "easy"),
        ("ces", 3, {}, "not_easy"),
        ("exit", None, {"reasons": ("price",)}, None),
    ],
)
def test_classes(survey: str, score: int | None, more: dict[str, object], expected: str | None) -> None:
    log = CommentLog()
    log.read([answer("f", score, survey=survey, comment="x", **more)])
    assert log.comments["f"].answer_class == expected


def test_nothing_is_written_without_the_setting() -> None:
    log = CommentLog(keep_comments=False)
    log.read([answer("f", 3, comment="slow"), deletion("f")])
    assert log.written == 0


def test_new_answers_without_comment_write_nothing() -> None:
    log = CommentLog()
    log.read([answer(f"f{n}", n % 11, comment=" ") for n in range(50)])
    assert log.written == 0


def test_a_comment_goes_when_its_answer_is_forgotten() -> None:
    log = CommentLog()
    log.read([answer("f", 3, comment="slow")])
    assert log.texts == {"f": "slow"}
    log.read([answer("later", 3, NOW + 40 * DAY, NOW + 40 * DAY)])
    assert log.texts == {}
