"""Write the golden files of the current version of the state: `make golden-state`."""

import sys

from tests.golden.files import CURRENT, OUTGOING, outgoing_records, write

if __name__ == "__main__":
    if not OUTGOING.exists():
        OUTGOING.write_text(outgoing_records())
        sys.stdout.write(f"Wrote {OUTGOING}\n")
    write(CURRENT)
    sys.stdout.write(f"Wrote {CURRENT}\n")
