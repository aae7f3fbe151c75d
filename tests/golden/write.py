"""Write the golden files of today's version of the state: `make golden-state`."""

import sys

from tests.golden.files import CURRENT, LETTERS, letters, write

if __name__ == "__main__":
    if not LETTERS.exists():
        LETTERS.write_text(letters())
        sys.stdout.write(f"Wrote {LETTERS}\n")
    write(CURRENT)
    sys.stdout.write(f"Wrote {CURRENT}\n")
