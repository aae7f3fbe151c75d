"""What a bridge reports in its log."""

from typing import Any

import pytest

from stream.bridge import service


class Session:
    """A session that has read nothing yet."""

    counts = "no records"

    def lag(self) -> int:
        return 0


class Reported(Exception):  # noqa: N818 - it ends the test
    """Everything was reported."""


class Remarks:
    """Resources whose remarks change at each look."""

    def __init__(self, *looks: list[str]) -> None:
        self._looks = iter(looks)

    def remarks(self, now: float) -> list[str]:
        """Return the next remarks. Raises Reported at the end."""
        for texts in self._looks:
            return texts
        raise Reported


async def test_scarce_resources_are_logged_when_they_change(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bridge serves no series. A remark that stays is not repeated."""
    monkeypatch.setattr(service, "REPORT_INTERVAL", 0)
    session: Any = Session()
    resources: Any = Remarks(["ends in 3 days"], ["ends in 3 days"], [], ["ends in 2 days", "1 MiB are left"])
    with pytest.raises(Reported):
        await service._report(session, resources)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["ends in 3 days", "ends in 2 days; 1 MiB are left"]
