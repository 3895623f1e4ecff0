"""The published totals the demo province is calibrated to (DOMAIN §1, K1–K4), and its clock."""

from __future__ import annotations

from datetime import date, datetime

CUTOFF = datetime(2025, 8, 6, 16, 0, 0)
EARLIER_CUTOFF = datetime(2025, 7, 22, 16, 0, 0)
PERIOD_START = datetime(2025, 7, 1)
FIRST_DAY = date(2025, 6, 1)
RECEIVED = 310_903
ONLINE = 224_930
RETURNED = 252_648
RANK, EARLIER_RANK, PROVINCES = 20, 25, 34
JUNE_RECEIVED = 30_000
COMMUNES, COMMUNE_TASKS = 130, 16

# Planted faults at scale 1; every one stays at least at MIN_FAULTS however small the province.
MIN_FAULTS = 4
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
REPEATS, CORRECTIONS, LATE_STATES, LATE_DOSSIERS, DECOMPOSED, MALFORMED_CODES = (
    24_000, 3_000, 2_500, 60, 800, 50,
)  # fmt: skip


def scaled(count: int, scale: float, least: int = 0) -> int:
    return max(least, round(count * scale))
