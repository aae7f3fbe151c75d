"""Programs that cxgauge does not ship: from PATH, else from unpacked Debian packages, and only if they start here."""

from stream.devbroker.tools.finder import Unavailable, find

__all__ = ["Unavailable", "find"]
