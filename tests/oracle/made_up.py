"""Small provinces with every kind of dirt, for hypothesis to make up and to shrink.

Rows are made as validation would let them pass: typed, under canonical names.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import hypothesis.strategies as st
import pandas as pd

from tests.oracle import agree, sources
from tests.oracle.made_up_registers import batches, maybe, registers

# When counting starts and where it stands: the merger, a month's end, a cut-off, midnight, a Saturday.
WINDOWS = [
    (date(2025, 7, 1), datetime(2025, 7, 1, 12)),
    (date(2025, 7, 1), datetime(2025, 7, 9, 23, 59, 59)),
    (date(2025, 7, 25), datetime(2025, 8, 1, 0, 0, 0)),
    (date(2025, 7, 30), datetime(2025, 8, 6, 16)),
    (date(2025, 7, 28), datetime(2025, 7, 31, 23, 59, 59)),
    (date(2025, 7, 20), datetime(2025, 7, 26, 10)),
]
# 16681 and 16702 were other communes before the merger, 16663 is gone; 99999 nobody knows.
UNITS = ["16681", "16702", "16663", "H41.03", "99999"]
# The seconds on which something turns, one before and one after: the merger, a cut-off, as_of of each window.
TURNS = [
    moment + timedelta(seconds=s)
    for moment in [datetime(2025, 7, 1), datetime(2025, 7, 22, 16), *(as_of for _, as_of in WINDOWS)]
    for s in (-1, 0, 1)
]
STAMP = st.one_of(
    st.integers(0, 45 * 48).map(lambda n: datetime(2025, 6, 20) + timedelta(minutes=30 * n)),
    st.sampled_from(TURNS),
)
NEAR = st.sampled_from([-1500, -60, -1, 0, 0, 0, 1, 90, 1440, 4000, 11000]).map(
    lambda m: timedelta(minutes=m)
)


class Sample(NamedTuple):
    """The tables of schema raw that the province fills."""

    since: date
    as_of: datetime
    stopped_is_end: bool
    tables: dict[str, pd.DataFrame]


@st.composite
def dossier(draw: st.DrawFn, number: int) -> list[dict[str, Any]]:
    """The deliveries of one dossier: states in and out of order, repeated, corrected, late."""
    at = draw(STAMP)
    base = {
        "dossier_code": f"H41.9-20250701-{number:07d}",
        "procedure_code": draw(st.sampled_from(["1.010000", "1.010007.000.00.00.H41", "9.999999", None])),
        "sector_code": draw(st.sampled_from(["G15-TP01", "X", None])),
        "channel": draw(st.sampled_from(["online", "online", "in_person", "postal", None])),
        "applicant_type": draw(st.sampled_from(["citizen", None])),
        "service_level": draw(st.sampled_from(["full", "partial", None])),
        "receiving_unit_code": draw(st.sampled_from(UNITS)),
        "processing_unit_code": draw(st.sampled_from([*UNITS, None])),
        "submitted_at": draw(maybe(NEAR.map(lambda d: at - abs(d)))),
        "due_at": draw(maybe(NEAR.map(lambda d: at + 5 * d + timedelta(days=3)))),
    }
    received = draw(st.sampled_from(["stated", "stated", "never"]))
    statuses = draw(
        st.one_of(
            st.sampled_from([[1], [1, 3], [2], [1, 2, 4], [2, 5, 4], [2, 4, 9, 10], [2, 10], [4, 7], [2, 8], [2, 3],
             [9, 2]]),
            st.lists(st.integers(1, 10), min_size=1, max_size=4),
        )
    )  # fmt: skip
    rows = []
    for status in statuses:
        recorded = at
        row = {
            **base,
            "status_code": status,
            "recorded_at": recorded,
            "synced_at": recorded + abs(draw(NEAR)),
        }
        if received == "stated" and status != 1:
            row["received_at"] = draw(
                st.sampled_from(
                    [rows[-1].get("received_at") if rows else None, recorded, recorded - timedelta(days=1)]
                )
            )
        if status in (9, 10) and draw(st.booleans()):
            row["finished_at"] = recorded - abs(draw(NEAR)) / 10
        if status == 10 and draw(st.booleans()):
            row["returned_at"] = recorded + draw(NEAR) / 10
        if status == 3 and draw(st.booleans()):
            row["refused_at"] = recorded
        row["supplement_requests"] = draw(st.sampled_from([0, 0, 1, 2, None]))
        row["has_e_result"], row["is_digitised"] = draw(maybe(st.booleans())), draw(maybe(st.booleans()))
        row["paid_online"] = draw(maybe(st.booleans()))
        if draw(st.integers(0, 5)) == 5:
            base["due_at"] = draw(maybe(STAMP))
        rows.append(row)
        if draw(st.integers(0, 5)) == 5:  # delivered again, perhaps corrected
            again = {**row, "synced_at": row["synced_at"] + abs(draw(NEAR))}
            again["channel"] = draw(st.sampled_from([row["channel"], "online", None]))
            again["receiving_unit_code"] = draw(st.sampled_from([row["receiving_unit_code"], "16702"]))
            rows.append(again)
        at = at + draw(NEAR)
    return rows


@st.composite
def dossier_log(draw: st.DrawFn) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 14))):
        rows += draw(dossier(number))
    for row_number, row in enumerate(rows, 1):
        row["_row"] = row_number
        row["partition_key"] = row["synced_at"].date()
        row["batch_id"] = f"dossier_log{row['synced_at']:%Y%m%d}"
    return pd.DataFrame(rows)


@st.composite
def province(draw: st.DrawFn) -> Sample:
    since, as_of = draw(st.sampled_from(WINDOWS))
    tables = {"dossier_log": draw(dossier_log()), **draw(registers(as_of))}
    for module in agree.find_source_modules():
        rows = draw(module.draw_rows(as_of)) if hasattr(module, "draw_rows") else pd.DataFrame()
        tables[module.SOURCE] = rows
    delivered = {source: tables[source] for source in sources.SOURCES}
    return Sample(since, as_of, draw(st.booleans()), {**tables, "batches": draw(batches(delivered))})


def parameters(sample: Sample) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "as_of": sample.as_of, "partition_day": sample.as_of.date(), "place_code": "40",
                "counts_since": sample.since, "stopped_is_end": sample.stopped_is_end,
                "done_by_word": False, "whole_name_vi": "Toàn tỉnh", "late_phrases": None, "in_time_phrases": None,
            }
        ]
    )  # fmt: skip
