"""How many examples hypothesis makes up: few on every run, many by `make test-full` (EXTENT of boundaries.py)."""

from __future__ import annotations

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings


def bounded(every: bool, few: int, many: int) -> hypothesis_settings:
    """For a `given` inside a test that is parametrized by EXTENT; an example may take its time."""
    return hypothesis_settings(
        max_examples=many if every else few, deadline=None, suppress_health_check=list(HealthCheck)
    )
