"""A limit for work that a busy machine cannot break: seconds of processor, not of the clock."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def few_seconds_of_work(most: float) -> Iterator[None]:
    """Of this process and of its children that ended, whatever else the machine has to do."""
    began = _measure_work()
    yield
    assert _measure_work() - began < most


def _measure_work() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
