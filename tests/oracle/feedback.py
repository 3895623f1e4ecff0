"""Citizens' feedback: what is next and until when, who must answer, how a month's feedback was rated."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import hypothesis.strategies as st
import pandas as pd

from tests.oracle.dossiers import Place
from tests.oracle.registers import Row, followed, newest_of_each_day, records
from tests.oracle.tasks import rejected_rows

SOURCE = "citizen_feedback"
OPEN = ("new", "under_review", "supplement_requested", "answered")
TIMES = ("received_at", "due_at", "refused_at", "supplement_requested_at", "answered_at", "published_at",
         "last_update_at")  # fmt: skip
KINDS = {"regulation": "about_regulation", "procedure": "about_procedure", "conduct": "about_conduct",
         "rating": "pure_ratings", "other": "about_other"}  # fmt: skip


class Feedback(NamedTuple):
    """`row`: as last listed; `closed`: when and as what it ended; `listed`: day and unit of each snapshot."""

    code: str
    row: Row
    closed: tuple[datetime, str] | None
    listed: list[tuple[date, str]]
    unit: str


def read_things(rows: pd.DataFrame, rejections: pd.DataFrame, place: Place) -> list[Feedback]:
    usable = [r for r in records(rows) if r["day"] <= place.as_of.date() and r["received_at"] <= place.as_of]
    for row in usable:
        row.update({name: row[name] and pd.Timestamp(row[name]).to_pydatetime() for name in TIMES})
        row["unit_code"] = row["unit_code"] or "unknown"
    kept = newest_of_each_day(usable, ["feedback_code"], "last_update_at")
    rejected = {(day, (code,)) for day, code in rejected_rows(rejections, SOURCE)}
    as_of = place.as_of.to_pydatetime()
    every = []
    for (code,), mentions in followed(kept, rejected):  # type: ignore[misc]
        row, closed, listed = {}, None, []
        for mention in mentions:
            if mention.row is not None:
                row = mention.row
                closed = end_of(row, mention.day)
                listed.append((mention.day, unit_of(row, place)))
            elif mention.is_missing and closed is None:
                closed = min(last_second(mention.day), as_of), "withdrawn"
        if closed and closed[0] > as_of:
            closed = None
        every.append(Feedback(code, row, closed, listed, unit_of(row, place)))
    return every


def end_of(row: Row, day: date) -> tuple[datetime, str] | None:
    if row["status"] in OPEN:
        return None
    own = {"refused": row["refused_at"], "published": row["published_at"]}.get(row["status"])
    return own or row["last_update_at"] or last_second(day), row["status"]


def unit_of(row: Row, place: Place) -> str:
    return place.units.today(row["unit_code"], row["received_at"].date()) or row["unit_code"]


def last_second(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59))


def count_reports(every: list[Feedback]) -> Counter[tuple[str, date, str]]:
    counts: Counter[tuple[str, date, str]] = Counter()
    for feedback in every:
        for day, unit in feedback.listed:
            counts.update([(SOURCE, day, unit), (SOURCE, day, "province")])
    return counts


def describe(feedback: Feedback, place: Place) -> Row:
    """Everything of one feedback that needs no other."""
    row, as_of, calendar = feedback.row, place.as_of.to_pydatetime(), place.calendar
    received, today = row["received_at"].date(), place.as_of.date()
    is_open, is_rating = feedback.closed is None, row["kind"] == "rating"
    answered = row["answered_at"]
    if answered is None and not is_rating and row["status"] in ("answered", "published"):
        answered = row["published_at"] or row["last_update_at"]
    happened = {
        "answered": answered,
        "refused": row["refused_at"],
        "supplement": row["supplement_requested_at"],
    }
    happened = {step: at for step, at in happened.items() if at is not None and at <= as_of}
    answered = happened.get("answered")
    limits = {step: last_second(calendar.after(received, days))
              for step, days in (("refused", 2), ("supplement", 5), ("answered", 15))}  # fmt: skip
    answer_due = None if is_rating else row["due_at"] or limits["answered"]
    if not is_open or is_rating:
        step, due = "none", None
    elif row["status"] in ("answered", "published"):
        step, due = "publish", answered and last_second(calendar.after(answered.date(), 2))
    elif row["status"] == "new":
        step, due = "decide", row["due_at"] or limits["refused"]
    else:
        step, due = "answer", answer_due
    late = due is not None and as_of > due
    in_time = None
    is_withdrawn = bool(feedback.closed and feedback.closed[1] == "withdrawn")
    # Of a status that says withdrawn at a moment after as_of, too.
    if not (is_rating or "refused" in happened or is_withdrawn or row["status"] == "withdrawn"):
        in_time = answered <= answer_due if answered else (False if as_of > answer_due else None)
    first = min(happened.values(), default=None)
    verdict = "not_yet"
    if first is not None:
        name = next(s for s in ("refused", "supplement", "answered") if happened.get(s) == first)
        by = answer_due if name == "answered" else limits[name]
        verdict = "not_yet" if by is None else "yes" if first <= by else "no"
    measured = as_of if feedback.closed is None else feedback.closed[0]
    rating = row["satisfaction"] if row["satisfaction"] is not None else None
    return {
        "feedback_code": feedback.code, "received_at": row["received_at"], "received_month": received.replace(day=1),
        "unit_code": feedback.unit, "sector_code": row["sector_code"] or "unknown", "kind": row["kind"],
        "status": row["status"], "is_open": is_open, "closed_at": feedback.closed and feedback.closed[0],
        "is_withdrawn": is_withdrawn, "next_step": step, "due_at": due,
        "is_due_given": row["due_at"] is not None and step in ("decide", "answer"), "is_overdue": late,
        "working_days_late": calendar.days_between(due.date(), today) if late else None,
        "age_working_days": calendar.days_between(received, measured.date()), "answered_at": answered,
        "refused_at": happened.get("refused"), "dossier_code": row["dossier_code"],
        "published_at": row["published_at"] if row["published_at"] and row["published_at"] <= as_of else None,
        "first_step_in_time": verdict, "answer_due_at": answer_due,
        "is_answered_in_time": in_time, "satisfaction": rating,
        "is_satisfied": None if rating is None else rating >= 4,
        "is_dissatisfied": None if rating is None else rating <= 2,
    }  # fmt: skip


def assign(line: Row, sector: str | None, assignments: list[Row]) -> tuple[str, str]:
    """The assignment that says most; of equals the one that names the kind, then the first role."""
    facts = {"category": line["kind"], "sector_code": sector, "unit_code": line["unit_code"]}
    words = {"category": "category", "sector_code": "sector", "unit_code": "area"}
    fitting = []
    for assignment in assignments:
        stated = {c: assignment[c] for c in facts if not pd.isna(assignment[c]) and assignment[c] != "*"}
        if all(facts[c] == value for c, value in stated.items()):
            basis = "+".join(words[c] for c in facts if c in stated) or "everything"
            fitting.append((-len(stated), "category" not in stated, assignment["member_role"], basis))
    return min(fitting)[2:] if fitting else ("Chưa phân công", "none")


def count_marts(every: list[Feedback], tables: Mapping[str, pd.DataFrame], place: Place) -> dict[str, Any]:
    assignments = tables["assignments"].to_dict("records")
    lines = []
    for feedback in every:
        line = describe(feedback, place)
        role, basis = assign(line, feedback.row["sector_code"], assignments)
        # Another feedback about the same dossier, later than the answer; a rating is none.
        again = line["answered_at"] is not None and feedback.row["dossier_code"] is not None and any(
            other.row["dossier_code"] == feedback.row["dossier_code"] and other.row["kind"] != "rating"
            and other.row["received_at"] > line["answered_at"] for other in every
        )  # fmt: skip
        lines.append(
            line | {"responsible_role": role, "assignment_basis": basis, "is_complained_again": again}
        )
    return {
        "feedback_backlog": (pd.DataFrame(lines), ["feedback_code"]),
        "satisfaction": (count_satisfaction(lines, place), ["month", "unit_code", "sector_code"]),
    }


def count_satisfaction(lines: list[Row], place: Place) -> pd.DataFrame:
    cells: dict[tuple[date, str, str], list[Row]] = defaultdict(list)
    day, last = place.since.date(), place.as_of.date()
    while day <= last:
        cells[day.replace(day=1), "province", "all"] = []
        day += timedelta(days=1)
    for line in lines:
        if line["received_at"] >= place.since.to_pydatetime():
            for unit in ("province", line["unit_code"]):
                for sector in ("all", line["sector_code"]):
                    cells[line["received_month"], unit, sector].append(line)
    return pd.DataFrame([count_cell(*key, cell) for key, cell in cells.items()])


def count_cell(month: date, unit: str, sector: str, cell: list[Row]) -> Row:
    kinds = Counter(line["kind"] for line in cell)
    ratings = [line["satisfaction"] for line in cell if line["satisfaction"] is not None]
    in_time = [line["is_answered_in_time"] for line in cell if line["is_answered_in_time"] is not None]
    satisfied, undisputed = sum(r >= 4 for r in ratings), 0
    for line in cell:
        is_low = line["satisfaction"] is not None and line["satisfaction"] <= 2
        undisputed += not (is_low or line["is_complained_again"] or line["is_answered_in_time"] is False)
    return {
        "month": month, "unit_code": unit, "sector_code": sector, "received": len(cell),
        **{column: kinds[kind] for kind, column in KINDS.items()},
        "handled": sum(line["answered_at"] is not None or line["refused_at"] is not None for line in cell),
        "answered_in_time": sum(in_time), "due_or_answered": len(in_time),
        "rate_in_time": sum(in_time) / len(in_time) if in_time else None,
        "ratings": len(ratings), "satisfied": satisfied, "dissatisfied": sum(r <= 2 for r in ratings),
        "satisfied_share": satisfied / len(ratings) if ratings else None,
        "mean_satisfaction": sum(ratings) / len(ratings) if ratings else None,
        "undisputed": undisputed, "undisputed_share": undisputed / len(cell) if cell else None,
        "is_small": len(ratings) < 5,
    }  # fmt: skip


@st.composite
def draw_rows(draw: st.DrawFn, as_of: datetime) -> pd.DataFrame:
    """Snapshots in which feedback vanishes, changes and comes twice; nothing happens out of its order, since
    validation rejects that (`answered_before_received` and its like)."""
    rows: list[Row] = []
    ages = draw(st.lists(st.sampled_from([-1, 0, 1, 3, 9]), min_size=1, max_size=4, unique=True))
    moment = st.one_of(
        st.none(),
        st.sampled_from([-900, -300, -120, -49, -1, 0, 5]).map(lambda h: as_of + timedelta(hours=h)),
    )
    for number in range(draw(st.integers(0, 6))):
        received = as_of - timedelta(hours=draw(st.sampled_from([-1, 0, 3, 80, 200, 700, 1500])))
        for age in sorted(ages, reverse=True):
            if draw(st.integers(0, 4)) == 4:
                continue
            moments = {name: draw(moment) for name in TIMES[1:]}
            times = {name: at and max(at, received) for name, at in moments.items()}
            if times["published_at"] and times["answered_at"]:
                times["published_at"] = max(times["published_at"], times["answered_at"])
            rows.append(
                {
                    "feedback_code": f"F{number}", "received_at": received,
                    "unit_code": draw(st.sampled_from(["16681", "16663", "99999"])),
                    "sector_code": draw(st.sampled_from(["G16-DD01", "X", None])),
                    "dossier_code": draw(st.sampled_from(["D1", "D2", None])),
                    "kind": draw(st.sampled_from([*KINDS])),
                    "status": draw(st.sampled_from([*OPEN, "published", "refused", "withdrawn"])),
                    "satisfaction": draw(st.sampled_from([1, 2, 3, 4, 5, None])),
                    **times,
                    "partition_key": as_of.date() - timedelta(days=age), "_row": len(rows) + 1,
                    "batch_id": f"f{age}",
                }
            )  # fmt: skip
    return pd.DataFrame(rows)
