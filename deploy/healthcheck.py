"""Exit 0 when what runs in this container says that it lives: one of the addresses given, else worker or exporter."""

import sys
from urllib.error import URLError
from urllib.request import urlopen

USUAL = ("http://127.0.0.1:9818/livez", "http://127.0.0.1:9817/livez")
"""Of a worker, of an exporter."""


def lives(url: str) -> bool:
    """Whether it answers 200."""
    try:
        with urlopen(url, timeout=4) as answer:  # noqa: S310  (the container's own)
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(0 if any(map(lives, sys.argv[1:] or USUAL)) else 1)
