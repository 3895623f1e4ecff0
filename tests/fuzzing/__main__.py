"""`python -m tests.fuzzing [TARGET…] --count N [--first K]`: N inputs for each target; failures with their numbers.

The process limits its own memory, and ends, saying where, when an input takes longer than a minute.
"""

from __future__ import annotations

import argparse
import faulthandler
import resource
import sys
import time
import traceback
from collections import Counter

from tests.fuzzing.mutate import mutate
from tests.fuzzing.targets import TARGETS, read_seeds

MEMORY = 6 << 30
SECONDS = 60
# More say nothing new.
MOST_FAILURES = 5


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []])
    parser.add_argument("--count", type=int, help="default: as many as every test run can spare")
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    failures = 0
    for name in options.targets or TARGETS:
        failures += run_target(name, options.first, options.count or TARGETS[name].few)
    return 1 if failures else 0


def run_target(name: str, first: int, count: int) -> int:
    """How many inputs did not end as allowed."""
    target = TARGETS[name]
    seeds, ends, failures = read_seeds(target), Counter[str](), 0
    began, slowest = time.monotonic(), (0.0, 0)
    for number in range(first, first + count):
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        print(f"\r{name} {number}", end="", file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            ends[target.run(mutate(seeds, number))] += 1
        except Exception:
            failures += 1
            print(f"\n{name} {number}: python -m tests.fuzzing '{name}' --first {number} --count 1")
            traceback.print_exc(limit=-6, file=sys.stdout)
            if failures == MOST_FAILURES:
                break
        slowest = max(slowest, (time.monotonic() - started, number))
    faulthandler.cancel_dump_traceback_later()
    seconds = time.monotonic() - began
    print(
        f"\n{name}: {dict(ends)}, {failures} failures, {seconds:.1f} s, slowest {slowest[0]:.2f} s ({slowest[1]})"
    )
    return failures


if __name__ == "__main__":
    sys.exit(main())
