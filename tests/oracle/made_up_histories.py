"""What happens to a small province from one build to the next: batches come, go and are pulled again, as_of moves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

import hypothesis.strategies as st
import pandas as pd

from tests.oracle import sources
from tests.oracle.made_up import TURNS, Sample, parameters, province
from tests.oracle.made_up_registers import list_batches

Tables = dict[str, pd.DataFrame]


class Build(NamedTuple):
    """Schema raw of one build, its moment, the batches of the log that count, and the feedback that does."""

    raw: Tables
    as_of: datetime
    log: dict[str, pd.DataFrame]
    feedback: pd.DataFrame


@st.composite
def pulled_again(draw: st.DrawFn, rows: pd.DataFrame) -> pd.DataFrame:
    """The same day once more: rows are gone, corrected, or another dossier's."""
    kept = rows[[draw(st.integers(0, 3)) > 0 for _ in range(len(rows))]].copy()
    for row in kept.index:
        if draw(st.booleans()):
            kept.loc[row, "channel"] = draw(st.sampled_from(["online", "postal", None]))
            kept.loc[row, "due_at"] = draw(st.one_of(st.none(), st.sampled_from(TURNS)))
            kept.loc[row, "status_code"] = draw(st.integers(1, 10))
    return kept.assign(batch_id=rows["batch_id"].iloc[0] + "r")


@st.composite
def history(draw: st.DrawFn, most: int) -> list[Build]:
    """The first build has what it has; each next one differs from it in a few respects, or in none."""
    sample: Sample = draw(province())
    rows = sample.tables["dossier_log"]
    every = dict(list(rows.groupby("batch_id"))) if len(rows) else {}
    counting = {name for name in every if draw(st.integers(0, 2)) > 0}
    as_of, stopped_is_end = sample.as_of, sample.stopped_is_end
    # About dossiers that there are, or were.
    every_feedback = sample.tables["citizen_feedback"].replace(
        {"D1": "H41.9-20250701-0000000", "D2": "H41.9-20250701-0000002"}
    )
    feedback = every_feedback
    builds = []
    for _ in range(draw(st.integers(2, most))):
        log = {name: every[name] for name in sorted(counting)}
        tables = {
            **sample.tables,
            "dossier_log": pd.concat([*log.values()]) if log else rows.head(0),
            "citizen_feedback": feedback,
            "batches": rename(
                leave_out(
                    sample.tables["batches"],
                    dossier_log=list_days(*every.values()) - list_days(*log.values()),
                    citizen_feedback=list_days(every_feedback) - list_days(feedback),
                ),
                {day: name for name, of_batch in log.items() for day in list_days(of_batch)},
            ),
        }
        moved = sample._replace(as_of=as_of, stopped_is_end=stopped_is_end)
        builds.append(Build({"run_parameters": parameters(moved), **tables}, as_of, log, feedback))
        for name in sorted(every):
            match draw(st.sampled_from(["stays", "stays", "stays", "comes or goes", "again"])):
                case "comes or goes":
                    counting ^= {name}
                case "again" if name in counting:
                    counting.remove(name)
                    fresh = draw(pulled_again(every[name]))
                    if len(fresh):
                        every[f"{name}r"] = fresh
                        counting.add(f"{name}r")
        if len(every_feedback) and draw(st.booleans()):
            days = sorted(set(every_feedback["partition_key"]))
            kept = {day for day in days if draw(st.booleans())}
            feedback = every_feedback[every_feedback["partition_key"].isin(kept)]
        if draw(st.integers(0, 2)):
            as_of = draw(st.sampled_from(sorted(TURNS)))
        if draw(st.integers(0, 9)) == 9:
            stopped_is_end = not stopped_is_end
    return builds


def list_days(*batches: pd.DataFrame) -> set[date]:
    return {day for rows in batches if len(rows) for day in rows["partition_key"]}


def leave_out(batches: pd.DataFrame, **days: Collection[date]) -> pd.DataFrame:
    """The batches without those of some days of each source."""
    for source, left_out in days.items():
        batches = batches[(batches["source"] != source) | ~batches["partition_key"].isin(left_out)]
    return batches


def rename(batches: pd.DataFrame, names: Mapping[date, str]) -> pd.DataFrame:
    """Those of the log as the batch of the day is called that counts."""
    old = zip(batches["source"], batches["partition_key"], batches["batch_id"], strict=True)
    return batches.assign(
        batch_id=[names.get(day, name) if source == "dossier_log" else name for source, day, name in old]
    )


def one_day_more() -> list[Build]:
    """Two builds: of ten days with two dossiers each, one of them online, and of these and the day after."""
    since, as_of = date(2025, 7, 25), datetime(2025, 8, 6, 16)
    rows = []
    for number in range(22):
        at = datetime(2025, 7, 27, 9) + timedelta(days=number // 2)
        rows.append(
            {
                "dossier_code": f"H41.9-{at:%Y%m%d}-{number:07d}", "procedure_code": "1.010000", "status_code": 2,
                "channel": "online" if number % 2 else "in_person", "service_level": "full",
                "receiving_unit_code": "16681", "processing_unit_code": "16681", "submitted_at": at,
                "received_at": at, "recorded_at": at, "synced_at": at, "due_at": at + timedelta(days=3),
                "_row": number + 1, "partition_key": at.date(), "batch_id": f"dossier_log{at:%Y%m%d}",
            }
        )  # fmt: skip
    log = dict(list(pd.DataFrame(rows).groupby("batch_id")))
    builds = []
    for days in (10, 11):
        delivered = dict(sorted(log.items())[:days])
        tables = {source: pd.DataFrame() for source in (*sources.SOURCES, "batches", "rejections")}
        tables["dossier_log"] = pd.concat([*delivered.values()])
        tables["batches"] = list_batches(
            [("dossier_log", day, True) for day in sorted(list_days(*delivered.values()))]
        )
        moment = as_of + timedelta(hours=days)
        about = parameters(Sample(since, moment, stopped_is_end=False, tables={}))
        feedback = tables["citizen_feedback"]
        builds.append(Build({"run_parameters": about, **tables}, moment, delivered, feedback))
    return builds
