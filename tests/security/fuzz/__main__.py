"""Fuzz decoders, readers of configuration and the HTTP servers: `python -m tests.security.fuzz --minutes 60`."""

import argparse
import resource
import sys
import time
from random import Random

from tests.security.fuzz.http import servers
from tests.security.fuzz.run import Report, run_for, run_input

MEMORY = 4 << 30
"""Bytes of address space. What needs more is a finding."""


def main() -> int:
    """Fuzz and print the report. Return 1 if there are findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.security.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", metavar="TARGET/NUMBER", help="run one input of a report")
    options = parser.parse_args()
    report = Report(options.seed)
    if options.only:
        name, _, number = options.only.rpartition("/")
        run_input(name, int(number), report)
        print("\n".join(report.lines()))
        return bool(report.findings)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with servers() as running:

        def request(number: int) -> None:
            report.tried["HTTP requests"] += 1
            try:
                running.attack(Random(f"{options.seed}/HTTP requests/{number}"))
                if number % 100 == 0:
                    running.check()
            except (AssertionError, OSError) as error:
                report.add("HTTP requests", number, error)

        run_for(60 * options.minutes, report, request)
    print("\n".join(report.lines()))
    return bool(report.findings)


if __name__ == "__main__":
    sys.exit(main())
