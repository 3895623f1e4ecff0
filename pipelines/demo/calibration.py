"""The published totals the demo province is calibrated to (docs/domain.md §1, K1–K4), and its clock.

Nothing else in the generator holds a number that was published; the dirt is counted here too.
"""

from __future__ import annotations

from datetime import date, datetime

CUTOFF = datetime(2025, 8, 6, 16, 0, 0)
EARLIER_CUTOFF = datetime(2025, 7, 22, 16, 0, 0)
PERIOD_START = datetime(2025, 7, 1)
MERGER = PERIOD_START
FIRST_DAY = date(2025, 6, 1)
# Nothing recorded by the cut-off is synchronised after this, the planted late dossiers apart.
ALL_SYNCED = datetime(2025, 8, 6, 23, 59, 59)
RECEIVED = 310_903
ONLINE = 224_930
RETURNED = 252_648
RANK, EARLIER_RANK, PROVINCES = 20, 25, 34
PROVINCIAL_TASKS = {"total": 23, "completed": 14, "in_term": 9, "overdue": 0}
COMMUNES, COMMUNE_TASKS = 130, 16
DIGITISED = 0.8843

# Not published: believable sizes. The online share on 22/07 leaves room for five places to climb.
ONLINE_SHARE_EARLIER = 0.703
JUNE_RECEIVED = 24_000
REFUSED = 5_000
ISSUES = 1_500

# Planted rejections at scale 1, by the rule each must break; never fewer than MIN_FAULTS.
MIN_FAULTS = 4
# `max_rejected_share` of the demo's log: a day with more is blocked.
REJECTED_SHARE = 0.02
FAULTS = {
    "dossier_code_missing": 25,
    "status_code_unknown": 30,
    "channel_unknown": 40,
    "service_level_unknown": 25,
    "recorded_at_unparseable": 20,
    "received_at_unparseable": 35,
    "due_at_unparseable": 30,
    "recorded_at_in_future": 20,
    "received_after_recorded": 25,
    "finished_before_received": 30,
    "receiving_unit_missing": 35,
    "personal_data_in_text": 40,
    "mojibake_in_text": 45,
}
REPEATS = 20_000
WRONG_CHANNEL = 2_000
WRONG_UNIT = 1_000
LATE_STATES = 2_500
LATE_DOSSIERS = 60
DECOMPOSED = 800
MALFORMED_CODES = 50


def scale_count(count: int, scale: float, least: int = 0) -> int:
    """`count` at this scale, never below `least`."""
    return max(least, round(count * scale))
