"""Dossiers, vectorised: one row per dossier, with what never changes while it is processed.

Counts that were published are met exactly by construction (who is online is drawn as a subset of
the right size); everything else is drawn to look like a province.
"""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.demo import calibration
from pipelines.demo.clock import DAY, compute_due_times, draw_times, to_seconds

COMMUNE_SHARE = 0.85
PROVINCIAL_CENTRE = "H41.19"


def draw_subset(rng: np.random.Generator, weight: np.ndarray, size: int) -> np.ndarray:
    """Boolean mask with exactly `size` true, likelier where `weight` is larger."""
    order = np.argsort(-weight * rng.random(len(weight)), kind="stable")
    mask = np.zeros(len(weight), bool)
    mask[order[:size]] = True
    return mask


def make_dossiers(rng: np.random.Generator, scale: float, until: date, reference: Path) -> pd.DataFrame:
    """One row per dossier; times are epoch seconds, `procedure` the row of procedures.csv.

    `kind` says why it exists: june (received before the period, carried over), period (the published
    310 903), refused (never received), later (after the cut-off), late (received before the cut-off,
    first synchronised the day after).
    """
    end = datetime.combine(until, time.max).replace(microsecond=0)
    days_after = max(0.0, (to_seconds(end) - to_seconds(calibration.CUTOFF)) / DAY)
    per_day = calibration.RECEIVED * scale / 37
    sizes_and_spans = {
        "june": (
            calibration.scale_count(calibration.JUNE_RECEIVED, scale),
            (datetime.combine(calibration.FIRST_DAY, time(7)), datetime(2025, 6, 30, 17)),
        ),
        "period": (
            calibration.scale_count(calibration.RECEIVED, scale),
            (calibration.PERIOD_START, calibration.CUTOFF),
        ),
        "refused": (
            calibration.scale_count(calibration.REFUSED, scale),
            (calibration.PERIOD_START, calibration.CUTOFF),
        ),
        "later": (int(per_day * days_after * 0.8), (calibration.CUTOFF.replace(second=1), end)),
        "late": (
            calibration.scale_count(calibration.LATE_DOSSIERS, scale, calibration.MIN_FAULTS)
            if days_after > 1
            else 0,
            (datetime(2025, 8, 4), datetime(2025, 8, 6, 12)),
        ),
    }
    sizes = [size for size, _ in sizes_and_spans.values()]
    received = [draw_times(rng, size, *span) for size, span in sizes_and_spans.values() if size]
    frame = pd.DataFrame(
        {"kind": np.repeat(list(sizes_and_spans), sizes), "received": np.concatenate(received)}
    )
    count = len(frame)
    # However small the province, the log begins on its first day (a Sunday).
    frame.loc[0, "received"] = to_seconds(datetime.combine(calibration.FIRST_DAY, time(8, 30)))
    frame["channel"] = _channels(rng, frame, scale)
    _procedures_and_units(rng, frame, reference)
    frame["applicant_type"] = rng.choice(["1", "1", "1", "1", "2", "3"], count)
    frame["due"] = compute_due_times(frame["received"].to_numpy(), frame["processing_days"].to_numpy())
    online = (frame["channel"] == "2").to_numpy()
    lag = np.where(online, rng.integers(600, 20_000, count), rng.integers(60, 900, count))
    frame["submitted"] = frame["received"] - lag
    frame["paid"] = _paid(rng, online)
    frame["digitised"] = (rng.random(count) < calibration.DIGITISED).astype("int8")
    frame["e_result"] = (rng.random(count) < 0.7).astype("int8")
    frame["code"] = _codes(rng, frame, scale)
    return frame


def count_dossiers_at(dossiers: pd.DataFrame, at: datetime) -> tuple[int, int]:
    """Received and online from 01/07/2025 to `at`, as the province would count them in the end."""
    cut = to_seconds(at)
    counted = dossiers["kind"].isin(["period", "later"]) & (dossiers["received"] <= cut)
    return int(counted.sum()), int((counted & (dossiers["channel"] == "2")).sum())


def _channels(rng: np.random.Generator, frame: pd.DataFrame, scale: float) -> np.ndarray:
    """'2' online for exactly the published count of the period; nulls are in person (docs/domain.md §2)."""
    count, kinds, received = len(frame), frame["kind"].to_numpy(), frame["received"].to_numpy()
    online = rng.random(count) < np.where(kinds == "june", 0.66, 0.76)
    period = np.flatnonzero(kinds == "period")
    is_early = received[period] <= to_seconds(calibration.EARLIER_CUTOFF)
    early, later = period[is_early], period[~is_early]
    early_online = round(len(early) * calibration.ONLINE_SHARE_EARLIER)
    online[early] = draw_subset(rng, np.ones(len(early)), early_online)
    online[later] = draw_subset(
        rng, np.ones(len(later)), calibration.scale_count(calibration.ONLINE, scale) - early_online
    )
    offline = rng.choice(np.array(["1", "3", None], object), count, p=[0.86, 0.08, 0.06])
    offline[online] = "2"
    return offline


def _paid(rng: np.random.Generator, online: np.ndarray) -> np.ndarray:
    """'1' on the national portal, '2' through the province's gateway, null otherwise (docs/domain.md §2)."""
    paid = rng.choice(np.array(["1", "2"], object), len(online))
    paid[~online | (rng.random(len(online)) >= 0.35)] = None
    return paid


def _procedures_and_units(rng: np.random.Generator, frame: pd.DataFrame, reference: Path) -> None:
    procedures = pd.read_csv(reference / "procedures.csv", dtype=str)
    mapping = pd.read_csv(reference / "unit_mapping.csv", dtype=str)
    count = len(frame)
    communes = np.sort(mapping["new_unit_code"].unique())
    size = rng.lognormal(0, 0.7, len(communes))
    commune = rng.choice(len(communes), count, p=size / size.sum())
    at_commune = rng.random(count) < COMMUNE_SHARE
    level = procedures["executing_level"].to_numpy()
    # Zipf within each level: a few procedures make most of the volume, as everywhere.
    pick = np.empty(count, "int32")
    for executing, mask in (("commune", at_commune), ("department", ~at_commune)):
        pool = np.flatnonzero(level == executing)
        weight = 1 / np.arange(1, len(pool) + 1) ** 0.9
        pick[mask] = rng.choice(rng.permutation(pool), mask.sum(), p=weight / weight.sum())
    frame["procedure"] = pick
    frame["processing_days"] = procedures["processing_days"].astype("int32").to_numpy()[pick]
    agency = procedures["agency_code"].to_numpy()[pick]
    # A centre receives regardless of boundary (docs/domain.md §2): some dossiers are received elsewhere.
    elsewhere = rng.random(count) < 0.06
    received_in = np.where(elsewhere, rng.integers(0, len(communes), count), commune)
    at_centre = np.where(rng.random(count) < 0.6, PROVINCIAL_CENTRE, agency)
    frame["receiving"] = np.where(at_commune, communes[received_in], at_centre)
    frame["processing"] = np.where(at_commune, communes[commune], agency)
    # Before the merger the dossier lay with one of the old communes (docs/domain.md §6: codes are reused).
    frame["processing_before"] = frame["processing"]
    june = np.flatnonzero((frame["kind"] == "june").to_numpy() & at_commune)
    old = mapping.groupby("new_unit_code")["old_unit_code"].agg(list).reindex(communes).tolist()
    first = np.array([codes[i % len(codes)] for i, codes in ((i, old[commune[i]]) for i in june)])
    frame.loc[june, "processing_before"] = first
    frame.loc[june, "receiving"] = first


def _codes(rng: np.random.Generator, frame: pd.DataFrame, scale: float) -> np.ndarray:
    """New shape `H41.016-20250701-0001234`; a few of the old shape; a few that match neither."""
    count, kinds = len(frame), frame["kind"].to_numpy()
    day = pd.to_datetime(frame["received"], unit="s").dt.strftime("%Y%m%d")
    unit = pd.Series(pd.factorize(frame["receiving"], sort=True)[0]).map("H41.{:03d}".format)
    number = pd.Series(np.arange(1, count + 1))
    codes = (unit + "-" + day + "-" + number.map("{:07d}".format)).to_numpy(object)
    for row in np.flatnonzero(kinds == "june")[::12]:
        codes[row] = f"000.00.{row % 90 + 10}.H41-{day[row][2:]}-{number[row]:06d}"
    malformed = calibration.scale_count(calibration.MALFORMED_CODES, scale, calibration.MIN_FAULTS)
    for row in rng.choice(np.flatnonzero(kinds == "period"), malformed, False):
        codes[row] = f"HS{day[row][:4]}/{number[row]}"
    return codes
