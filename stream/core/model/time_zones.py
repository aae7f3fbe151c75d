"""Time zones by their names."""

from zoneinfo import ZoneInfo

ALLOWED = "a name of the IANA time zones such as Europe/Berlin"


def time_zone(name: str) -> ZoneInfo | None:
    """Return the time zone of an IANA name, None if there is none."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError, RecursionError):  # the last for a path of many folders
        return None
