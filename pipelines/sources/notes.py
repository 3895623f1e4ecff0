"""Notes of a pull: what is only information, and what somebody should look at."""

from __future__ import annotations

# A note that begins so is a finding of the gate, told once; all others stay on the batch's page.
CHECK = "please check: "
