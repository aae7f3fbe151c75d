"""`/api/v1/comments`: the newest kept comments, for users only."""

import asyncio
from collections.abc import Callable, Collection, Sequence

from aiohttp import web

from schemas.times import from_ms
from stream.exporter.comment_reader import CommentReader, KnownComment, WantedComments
from stream.exporter.live.answers import check_names, json_answer, limit_of, not_yet, refusal
from stream.exporter.state import ExporterState
from stream.text import printable

NOT_KEPT = (
    "Comments are not kept. Set comments.keep = true for workers and exporters: deploy/docs/comments.md"
)
WITHOUT_USERS = (
    "Comments are served to users only. Add basic_auth_users to the file of exporter.web_config and start the exporter again: "
    "deploy/docs/comments.md"
)


class Comments:
    """The endpoint. `reader` is None if `off` says why there are no comments.

    `present` returns the present in ms of a monotonic clock and since the epoch.
    """

    def __init__(
        self,
        exporter: ExporterState,
        reader: CommentReader | None,
        off: str,
        present: Callable[[], tuple[int, int]],
    ) -> None:
        self._exporter = exporter
        self._reader = reader
        self._off = off
        self._present = present
        self._listing = asyncio.Lock()
        """Held while comments are listed, so that lists take one thread at most."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/api/v1/comments", self._comments),
            web.get("/api/v1/comments/state", self._state),
        ]

    async def _state(self, _: web.Request) -> web.Response:
        """Answer why there are no comments: `off` until the exporter is started again, `reason` for now."""
        return json_answer({"off": self._off, "reason": "" if self._reader is None else self._reader.reason})

    async def _comments(self, request: web.Request) -> web.Response:
        if self._reader is None:
            raise refusal(web.HTTPForbidden, self._off)
        query = request.query
        check_names(query, {"survey", "class", "reason", "label", "limit"})
        values = _label_values(query.getall("label", []), self._exporter.config.dimensions)
        wanted = WantedComments(query.get("survey"), query.get("class"), query.get("reason"), values)
        most = limit_of(query)
        async with self._listing:
            if self._reader.reason:
                raise not_yet(self._reader.reason)
            listing = await asyncio.to_thread(self._reader.newest(wanted, self._present()[1], most))
        return json_answer(
            {
                "total": listing.total,
                "choices": {
                    "survey": listing.choices.surveys,
                    "class": listing.choices.classes,
                    "reason": listing.choices.reasons,
                    "labels": listing.choices.labels,
                },
                "comments": [_document(known) for known in listing.comments],
            }
        )


def _label_values(pairs: Sequence[str], dimensions: Collection[str]) -> dict[str, str]:
    """Return the wanted values by label from texts such as `channel:app`. Raises HTTPBadRequest.

    Labels are values of one parameter, so that none can have the name of another parameter.
    """
    values = {}
    for pair in pairs:
        name, colon, value = pair.partition(":")
        if not colon or name not in dimensions or name in values:
            text = f"label: got {printable(pair)!r}, allowed is NAME:VALUE, once for each of {', '.join(dimensions)}"
            raise refusal(web.HTTPBadRequest, text)
        values[name] = value
    return values


def _document(known: KnownComment) -> dict[str, object]:
    comment = known.comment
    return {
        "feedback_id": known.answer,
        "time": from_ms(comment.time).isoformat(timespec="milliseconds"),
        "survey": comment.survey,
        "score": comment.score,
        "class": comment.answer_class,
        "reasons": comment.reasons,
        "values": comment.values,
        "text": comment.text,
    }
