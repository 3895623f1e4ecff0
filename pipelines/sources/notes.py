"""Notes of a pull: what is only information, and what somebody should look at."""

from __future__ import annotations

import re

# A note that begins so is a finding of the gate, told once; all others stay on the batch's page.
CHECK = "please check: "
# Before this a note says what is doubtful; behind it are examples, which may be others tomorrow.
EXAMPLES = ", such as "


def name_doubt(text: str) -> str:
    """What stays the same of a doubt from one delivery to the next, by which it is new, or known.

    Counts, numbers of rows and examples are `#`; what stands in quotes (a header) is kept as it is.
    """
    parts = re.split(r"('[^']*')", text.partition(EXAMPLES)[0])
    parts[::2] = [re.sub(r"\d+(?:, \d+)*(?: …)?", "#", part) for part in parts[::2]]
    return "".join(parts)
