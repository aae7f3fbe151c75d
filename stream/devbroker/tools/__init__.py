"""Programs that cxgauge does not ship, from PATH or unpacked Debian packages, if they start here."""

from stream.devbroker.tools.finder import Unavailable, find

__all__ = ["Unavailable", "find"]
