"""Index 766: which dossiers, procedures and feedback meet each item, and the points of it (docs/domain.md §3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from tests.oracle import sources
from tests.oracle.dossiers import Place, known_at
from tests.oracle.handling import periods

DAY_END = pd.Timedelta(days=1, seconds=-1)
KINDS = ("month", "quarter", "year", "since_start")
# Decision 766/QĐ-TTg as published: component → maximum; item → component, maximum, confirmed, full points from.
COMPONENTS = {"publicity": 18, "progress": 20, "online_services": 12, "online_payment": 10, "digitisation": 22,
              "satisfaction": 18}  # fmt: skip
ITEMS = {
    "1.1": ("publicity", None, False, None), "1.2": ("publicity", 4, True, None),
    "1.3": ("publicity", None, False, None),
    "1.4": ("publicity", None, False, 1.0), "2.1": ("progress", 20, True, 1.0), "2.2": ("progress", None, True, None),
    "3.1": ("online_services", 2, False, 0.8), "3.2": ("online_services", 4, False, 1.0),
    "3.3": ("online_services", 6, False, 0.5), "3.5": ("online_payment", None, False, None),
    "3.6": ("online_payment", None, False, None), "4.1": ("digitisation", None, False, 1.0),
    "4.2": ("digitisation", None, False, 0.8), "4.3": ("digitisation", None, False, None),
    "4.4": ("digitisation", None, False, None), "4.5": ("digitisation", None, False, None),
    "5.1": ("satisfaction", 5, False, None), "5.2": ("satisfaction", 5, False, 1.0),
    "5.3": ("satisfaction", 2, False, 1.0), "5.4": ("satisfaction", 6, True, 0.9),
}  # fmt: skip
NEVER = {**dict.fromkeys(["1.1", "1.2", "1.3", "3.5", "4.3", "4.4", "4.5"], "no_source"), "2.2": "informative",
         "5.1": "formula_unconfirmed"}  # fmt: skip
OF_DOSSIERS = {"2.1", "2.2", "3.3", "3.6", "4.1", "4.2", "4.3", "4.4", "4.5", "5.4"}
# (item, unit) → numerator, denominator, lost, without data
Counts = dict[tuple[str, str], tuple[int, int, int, int]]
Counted = dict[str, tuple[pd.DataFrame, list[str]]]


def count_index(
    states: pd.DataFrame, tables: Mapping[str, Any], feedback: pd.DataFrame, place: Place
) -> Counted:
    """The three marts. `feedback`: as the oracle counted feedback_backlog; `tables`: as for `count_marts`."""
    dossiers = describe_dossiers(states, feedback, place)
    synchronised = count_synchronised(
        dossiers, sources.typed(tables["national_ranking"], "national_ranking"), place
    )
    batches = tables["batches"]
    has_feedback = bool(
        len(batches)
        and (
            (batches["source"] == "citizen_feedback") & batches["is_current"] & batches["is_accepted"]
            & (pd.to_datetime(batches["partition_key"]) <= place.as_of.normalize())
        ).any()
    )  # fmt: skip
    offers = list_offers(sources.reference("procedures"), place)
    rows = []
    for period, first, last, moment in periods(place):
        if period not in KINDS:
            continue
        counts = count_received(dossiers, first, moment) | count_handled(dossiers, first, last, moment)
        counts |= count_catalogue(offers, dossiers, first, moment)
        counts |= count_feedback(feedback, first, last, place)
        if synchronised and period == "since_start":
            ours, theirs = synchronised
            counts["1.4", "province"] = min(ours, theirs), max(ours, theirs), abs(ours - theirs), 0
        share = min(synchronised) / max(synchronised) if synchronised and max(synchronised) else None
        for unit in [*place.units.level, "province"]:
            for item in ITEMS:
                cell = counts.get((item, unit))
                row = {
                    "as_of_day": last,
                    "period": period,
                    "unit_code": unit,
                    "item": item,
                    "period_start": first,
                }
                rows.append(row | score_item(item, unit, period, cell, share, has_feedback))
    items = pd.DataFrame(rows)
    rank_units(items, ["as_of_day", "period", "item"], "rate", place)
    index_key = ["as_of_day", "period", "unit_code"]
    return {
        "service_quality_dossiers": (dossiers, ["dossier_code"]),
        "service_quality_items": (items, [*index_key, "item"]),
        "service_quality_index": (add_up(rows, place), [*index_key, "component"]),
        "service_quality_index_daily": (
            count_days(dossiers, offers, feedback, synchronised, has_feedback, place),
            ["as_of_day", "unit_code"],
        ),
    }


def count_days(
    dossiers: pd.DataFrame,
    offers: dict[str, tuple[set[str], int]],
    feedback: pd.DataFrame,
    synchronised: tuple[int, int] | None,
    has_feedback: bool,
    place: Place,
) -> pd.DataFrame:
    """The total of every day, each counted anew as a period that begins with counting and ends there."""
    share = min(synchronised) / max(synchronised) if synchronised and max(synchronised) else None
    first = place.since.date()
    rows = []
    for day in pd.date_range(first, place.as_of.normalize()):
        last, moment = day.date(), min(day + DAY_END, place.as_of)
        counts = count_received(dossiers, first, moment) | count_handled(dossiers, first, last, moment)
        counts |= count_catalogue(offers, dossiers, first, moment) | count_feedback(
            feedback, first, last, place
        )
        for unit in [*place.units.level, "province"]:
            scored = [
                score_item(item, unit, "since_start", counts.get((item, unit)), share, has_feedback)
                for item, (_, maximum, *_) in ITEMS.items()
                if maximum
            ]
            rows.append({"as_of_day": last, "unit_code": unit} | add_points(scored))
    return pd.DataFrame(rows)


def add_points(items: list[dict[str, Any]]) -> dict[str, Any]:
    """What the items have together, and of how many points."""
    scored = [row for row in items if row["points"] is not None]
    worked = [row for row in items if row["working_points"] is not None]
    points, covered = sum(row["points"] for row in scored), sum(row["maximum"] for row in scored)
    return {
        "points": points if scored else None,
        "covered": covered,
        "points_share": points / covered if scored else None,
        "working_points": sum(row["working_points"] for row in worked) if worked else None,
        "working_covered": sum(row["working_maximum"] for row in worked),
    }


def describe_dossiers(states: pd.DataFrame, feedback: pd.DataFrame, place: Place) -> pd.DataFrame:
    now = known_at(states, place.as_of)
    now = now[now["received"] <= place.as_of]
    catalogue = sources.reference("procedures").set_index("procedure_code")
    longest = pd.to_numeric(now["procedure"].map(catalogue["processing_days"]))
    received, ended = now["received"].dt.normalize(), now["ended"].dt.normalize()
    closed = ended.where(~(ended < received), received)
    closed = closed.where(~(closed > place.as_of.normalize()), place.as_of.normalize())
    waits = now["is_open"] & now["is_paused"] & (now["asked"] <= 1)
    number_to_day = {number: day for day, number in place.calendar.count.items() if place.calendar.works[day]}
    limit = (
        received.dt.date.map(place.calendar.count)
        + longest
        + now["dossier"].map(pauses(states, place)).fillna(0)
    )
    last_day = pd.to_datetime(limit.map(number_to_day)).astype("datetime64[us]")
    complaints: set[str] = set()
    if len(feedback):
        about = (feedback["kind"] != "rating") | feedback["is_dissatisfied"].eq(True)
        complaints = set(feedback.loc[about, "dossier_code"].dropna())
    fee, needs_result = now["procedure"].isin(place.fee), ~now["procedure"].isin(place.paperless)
    paid, result, digitised = (
        now[c].astype("boolean") for c in ("paid_online", "has_e_result", "is_digitised")
    )
    frame = pd.DataFrame(
        {
            "dossier_code": now["dossier_code"], "procedure_code": now["procedure"],
            "receiving_unit_code": now["unit"], "responsible_unit_code": now["responsible"],
            "received_at": now["received"], "received_day": received, "closed_day": closed,
            "working_days_taken": place.calendar.between(now["received"], now["ended"]).clip(lower=0).astype("float64"),
            "counted_end_at": now["ended"].fillna(now["recorded_at"].where(waits)),
            "counted_due_at": now["due"].fillna(last_day + DAY_END),
            "is_asked_again": now["is_open"] & (now["asked"] > 1), "is_online": now["is_online"],
            "is_strictly_online": now["is_strict"], "is_paid_online": paid.where(fee), "has_fee": fee,
            "needs_result": needs_result, "has_required_result": result.where(needs_result),
            "is_digitised_in_full": digitised & (result | ~needs_result),
            "has_complaint": now["dossier_code"].isin(complaints),
        }
    )  # fmt: skip
    frame["is_in_time"] = is_in_time(frame, place.as_of)
    return frame


def pauses(states: pd.DataFrame, place: Place) -> pd.Series:
    """Dossier → working days in which its clock stood, as far as a later state ended that."""
    until = states.groupby("dossier")["recorded_at"].shift(-1)
    stood = states["is_paused"] & states["received"].notna() & until.notna()
    days = place.calendar.between(states.loc[stood, "recorded_at"], until[stood])
    return days.groupby(states.loc[stood, "dossier"]).sum()


def is_in_time(dossiers: pd.DataFrame, moment: pd.Timestamp) -> pd.Series:
    """True, False, or missing where no limit is known."""
    end, due = dossiers["counted_end_at"], dossiers["counted_due_at"]
    verdict = (end <= due).where(end <= moment, due >= moment).astype("boolean")
    return verdict.mask(due.isna()).mask(dossiers["is_asked_again"], False)


def tally(item: str, units: pd.Series, verdict: pd.Series) -> Counts:
    """Per unit, and for the whole."""
    verdict = verdict.astype("boolean")
    frame = pd.DataFrame(
        {"unit": units.astype(object), "yes": verdict.fillna(False).astype(int), "known": verdict.notna().astype(int),
         "no": (~verdict).fillna(False).astype(int), "none": verdict.isna().astype(int)}
    )  # fmt: skip
    if frame.empty:
        return {}
    sums = frame.groupby("unit")[["yes", "known", "no", "none"]].sum()
    sums.loc["province"] = sums.sum()
    return {(item, str(unit)): (int(y), int(k), int(n), int(m)) for unit, y, k, n, m in sums.itertuples()}


def count_received(dossiers: pd.DataFrame, first: date, moment: pd.Timestamp) -> Counts:
    here = dossiers[dossiers["received_at"].between(pd.Timestamp(first), moment)]
    fee, result = here[here["has_fee"]], here[here["needs_result"]]
    return {
        **tally("3.3", here["receiving_unit_code"], here["is_strictly_online"]),
        **tally("3.6", fee["receiving_unit_code"], fee["is_paid_online"]),
        **tally("4.1", result["receiving_unit_code"], result["has_required_result"]),
        **tally("4.2", here["receiving_unit_code"], here["is_digitised_in_full"]),
    }


def count_handled(dossiers: pd.DataFrame, first: date, last: date, moment: pd.Timestamp) -> Counts:
    start, end = pd.Timestamp(first), pd.Timestamp(last)
    closed = dossiers["closed_day"].between(start, end)
    here = dossiers[dossiers["received_day"].between(start, end) | closed]
    units, verdict = here["responsible_unit_code"], is_in_time(here, moment)
    counts = tally("2.1", units, verdict)
    is_bad = (~verdict | here["has_complaint"]).mask(verdict.isna())
    lost = tally("5.4", units, ~is_bad.astype("boolean"))
    complained = tally("c", units, here["has_complaint"].astype("boolean").mask(verdict.isna()))
    done = here.loc[here["closed_day"] <= end]
    taken = done.groupby(done["responsible_unit_code"].astype(object))["working_days_taken"].agg(
        ["sum", "count"]
    )
    for (_, unit), (good, counted, _, unknown) in list(counts.items()):
        counts["5.4", unit] = max(good - complained["c", unit][0], 0), counted, lost["5.4", unit][2], unknown
        days, finished = (
            taken.sum() if unit == "province" else taken.loc[unit] if unit in taken.index else (0, 0)
        )
        counts["2.2", unit] = int(days), int(finished), 0, 0
    return counts


def list_offers(catalogue: pd.DataFrame, place: Place) -> dict[str, tuple[set[str], int]]:
    """Unit → its procedures that are offered online, and how many it has; a unit without any is left out."""
    offers = {}
    for unit in [*place.units.level, "province"]:
        level = place.level_of(unit)
        own = catalogue
        if level != "province":
            own = catalogue[catalogue["executing_level"] == level]
        if level == "department":
            own = own[own["agency_code"] == unit]
        if len(own):
            offered = own["service_level"].isin(["full", "partial"])
            offers[unit] = set(own.loc[offered, "procedure_code"]), len(own)
    return offers


def count_catalogue(
    offers: dict[str, tuple[set[str], int]], dossiers: pd.DataFrame, first: date, moment: pd.Timestamp
) -> Counts:
    online = dossiers[dossiers["is_online"] & dossiers["received_at"].between(pd.Timestamp(first), moment)]
    used = {unit: set(codes) for unit, codes in online.groupby("receiving_unit_code")["procedure_code"]}
    used["province"] = set(online["procedure_code"])
    counts: Counts = {}
    for unit, (online_codes, procedures) in offers.items():
        counts["3.1", unit] = len(online_codes), procedures, procedures - len(online_codes), 0
        share = len(online_codes & used.get(unit, set()))
        counts["3.2", unit] = share, len(online_codes), len(online_codes) - share, 0
    return counts


def count_feedback(feedback: pd.DataFrame, first: date, last: date, place: Place) -> Counts:
    if feedback.empty:
        return {}
    days = feedback["received_at"].map(lambda at: at.date())
    handled = feedback[["refused_at", "answered_at", "published_at"]].apply(
        lambda row: min((at.date() for at in row if at is not None and not pd.isna(at)), default=None), axis=1
    )
    counted = days >= place.since.date()
    is_received = counted & days.between(first, last)
    is_handled = counted & handled.map(
        lambda day: day is not None and not pd.isna(day) and first <= day <= last
    )
    is_rating = feedback["kind"] == "rating"
    good = pd.Series(
        [_is_feedback_in_time(row, place) for row in feedback.to_dict("records")], index=feedback.index
    )
    late = feedback["is_answered_in_time"].eq(False)
    undisputed = ~(feedback["is_dissatisfied"].eq(True) | feedback["is_complained_again"] | late)
    about = feedback["kind"].isin(["regulation", "procedure", "conduct"])
    counts: Counts = {}
    for item, chosen, verdict in (
        ("5.1", is_received & ~is_rating, about),
        ("5.2", (is_received | is_handled) & ~is_rating, good),
        ("5.3", is_received, undisputed),
    ):
        counts |= tally(item, feedback.loc[chosen, "unit_code"], verdict[chosen])
    return counts


def _is_feedback_in_time(row: dict[str, Any], place: Place) -> bool:
    published = row["published_at"], row["answered_at"]
    slow = False
    if not any(at is None or pd.isna(at) for at in published):
        slow = place.calendar.days_between(published[1].date(), published[0].date()) > 2
    is_late = row["is_answered_in_time"] is False
    return not (row["is_overdue"] or row["first_step_in_time"] == "no" or is_late or slow)


def count_synchronised(dossiers: pd.DataFrame, ranking: pd.DataFrame, place: Place) -> tuple[int, int] | None:
    """Our count up to the portal's newest capture, and the portal's."""
    ours = ranking[(ranking["province_code"] == "40") & (ranking["captured_at"] <= place.as_of)]
    if ours.empty:
        return None
    newest = ours.sort_values(["captured_at", "partition_key", "batch_id", "_row"]).iloc[-1]
    received = dossiers["received_at"].between(place.since, newest["captured_at"])
    return int(received.sum()), int(newest["received_total"])


def score_item(
    item: str,
    unit: str,
    period: str,
    cell: tuple[int, int, int, int] | None,
    share: float | None,
    has_feedback: bool,
) -> dict[str, Any]:
    component, maximum, is_confirmed, full_from = ITEMS[item]
    good, counted, lost, unknown = cell or (None, None, None, 0)
    reason = NEVER.get(item)
    if reason is None and item == "1.4" and (unit != "province" or period != "since_start"):
        reason = "only_for_the_whole"
    elif reason is None and item in ("1.4", "3.3") and share is None:
        reason = "portal_count_missing"
    elif reason is None and component == "satisfaction" and not has_feedback:
        reason = "source_not_delivered"
    elif reason is None and not counted:
        reason = "source_has_no_flag" if unknown else "nothing_to_count"
    factor = share if item == "3.3" else 1.0
    rate = good / counted * factor if reason is None else None
    part = None if rate is None or full_from is None else min(1.0, rate / full_from)
    points = None if part is None or maximum is None else part * maximum
    if reason is None and part is None:
        reason = "full_points_unconfirmed"
    if reason is None and not is_confirmed:
        reason = "points_unconfirmed"
    return {
        "component": component, "numerator": good, "denominator": counted, "lost": lost,
        "lost_dossiers": lost if item in OF_DOSSIERS else None, "without_data": unknown, "factor": factor,
        "rate": rate, "share_of_points": part, "points": points if is_confirmed else None,
        "maximum": maximum if is_confirmed else None, "working_maximum": maximum, "working_points": points,
        "missing_reason": reason,
    }  # fmt: skip


def rank_units(rows: pd.DataFrame, peers: list[str], by: str, place: Place) -> None:
    """Among the units of a level; ties share the better place."""
    level = rows["unit_code"].map(place.level_of)
    groups = rows[by].astype("float64").groupby([*(rows[c] for c in peers), level])
    is_unit = level != "province"
    rows["rank_in_level"] = groups.rank(ascending=False, method="min").where(is_unit)
    rows["ranked_in_level"] = groups.transform("count").where(is_unit)


def add_up(rows: list[dict[str, Any]], place: Place) -> pd.DataFrame:
    """`rows`: of the items. Components, and their total."""
    cells: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        for component in (row["component"], "total"):
            cells[row["as_of_day"], row["period"], row["unit_code"], component, row["period_start"]].append(
                row
            )
    lines = []
    for (day, period, unit, component, first), cell in cells.items():
        maximum = COMPONENTS.get(component, sum(COMPONENTS.values()))
        sums = add_points(cell)
        lines.append(
            {
                "as_of_day": day, "period": period, "unit_code": unit, "component": component, "period_start": first,
                "maximum": maximum, "coverage": sums["covered"] / maximum,
                "working_coverage": sums["working_covered"] / maximum, "items": len(cell),
                "items_scored": sum(row["points"] is not None for row in cell), **sums,
            }
        )  # fmt: skip
    table = pd.DataFrame(lines)
    # So that equal shares of unequal sums tie.
    table["points_share"] = table["points_share"].astype("float64").round(9)
    rank_units(table, ["as_of_day", "period", "component"], "points_share", place)
    return table
