"""Errors as answers: problem details in JSON (RFC 9457)."""

from collections.abc import Mapping
from typing import Any

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER = 2
"""Seconds after which a client may send a request that could not be taken."""


class ProblemError(Exception):
    """A request that is refused.

    Attributes:
        status: of the response
        kind: of the problem, the end of its `type`
        outcome: of the request, as `cxgauge_intake_requests_total` counts it
        title: the same for all problems of the kind
        detail: of this one; control characters are escaped in the response
        extension: further members of the document
        headers: of the response
    """

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str = "",
        *,
        outcome: str = "invalid",
        extension: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{title}: {detail}" if detail else title)
        self.status = status
        self.kind = kind
        self.outcome = outcome
        self.title = title
        self.detail = detail
        self.extension = extension or {}
        self.headers = headers or {}

    @property
    def document(self) -> dict[str, Any]:
        """Return the problem as members of a JSON object."""
        members = {"type": f"urn:cxgauge:problem:{self.kind}", "title": self.title, "status": self.status}
        return members | ({"detail": self.detail} if self.detail else {}) | dict(self.extension)


def bad_request(kind: str, title: str, detail: str) -> ProblemError:
    """Return the problem of a request that cannot be read."""
    return ProblemError(400, kind, title, detail)


def too_large(detail: str) -> ProblemError:
    """Return the problem of a body, batch or event above a limit."""
    return ProblemError(413, "too-large", "The request is too large", detail, outcome="too_large")


def unsupported(detail: str) -> ProblemError:
    """Return the problem of a media type or coding that is not read."""
    return ProblemError(
        415, "unsupported-media-type", "The media type is not supported", detail, outcome="unsupported"
    )


def unauthorized(detail: str, challenge: str | None = None) -> ProblemError:
    """Return the problem of a request without valid credentials. `challenge` None stands for no scheme of HTTP."""
    headers = {} if challenge is None else {"WWW-Authenticate": challenge}
    title = "The request is not authenticated"
    return ProblemError(401, "unauthorized", title, detail, outcome="unauthorized", headers=headers)


def unavailable(detail: str) -> ProblemError:
    """Return the problem of a request that can be sent again: its events are not acknowledged, or were not read."""
    return ProblemError(
        503,
        "unavailable",
        "The events cannot be stored now. Send them again",
        detail,
        outcome="unavailable",
        headers={"Retry-After": str(RETRY_AFTER)},
    )
