"""One line of the doctor's."""

from __future__ import annotations

from typing import NamedTuple


class Diagnosis(NamedTuple):
    """`level`: ok, warn (it will hurt one day) or fail (it hurts now); `next_step`: what to do.

    `names`: all that it is about, where the text has room for a few.
    """

    check: str
    level: str
    text: str
    next_step: str = ""
    names: tuple[str, ...] = ()
