"""However dossiers come, go, move and change, the parts of a difference add up to the whole."""

from __future__ import annotations

from fractions import Fraction

import duckdb
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.explain.rates import CHANGED_ITEMS, Unexplained, attribute_changes
from pipelines.lake import ledger
from pipelines.settings import PROJECT

CAUSES = ["new_in_period", "late_arrival", "correction", "rejection_in", "rejection_out", "pulled_again"]
# A dossier's place in a release: its unit and whether it came online; None where it does not count.
PLACE = st.none() | st.tuples(st.sampled_from(["U1", "U2", "U3"]), st.booleans())
DOSSIERS = st.lists(st.tuples(PLACE, PLACE, st.sampled_from(CAUSES)), min_size=1, max_size=12)


def counted(places: list[tuple[str, bool] | None]) -> dict[str, tuple[int, int]]:
    """unit → (online, received), the province among them; counted by hand."""
    counts = {"province": (0, 0)}
    for place in places:
        for unit in (place[0], "province") if place else ():
            numerator, denominator = counts.get(unit, (0, 0))
            counts[unit] = (numerator + place[1], denominator + 1)
    return counts


def attributed(dossiers: list) -> tuple[duckdb.DuckDBPyConnection, dict, dict]:
    con = duckdb.connect()
    for name in ("rates", "movements", "changes"):
        con.execute(f"create table {name} ({ledger.TABLES['release_' + name]})")
        con.execute(f"alter table {name} drop column release_id")
    con.execute("alter table changes drop column compared_with")
    con.execute("create table rates_before as from rates")
    before, after = (counted([d[side] for d in dossiers]) for side in (0, 1))
    for table, counts in (("rates_before", before), ("rates", after)):
        con.executemany(
            f"insert into {table} values ('online_submission_rate', 'p', ?, ?, ?)",
            [[unit, n, d] for unit, (n, d) in counts.items()],
        )
    con.execute(f"create table changed_items ({CHANGED_ITEMS})")
    for number, (was, now, cause) in enumerate(dossiers):
        if was != now:
            con.execute(
                "insert into changed_items values "
                "('online_submission_rate', 'p', ?, ?, ?, ?, ?, ?, null, 'channel', 'correction', 'received_at')",
                [f"D{number}", *(was or (None, None)), *(now or (None, None)), cause],
            )
    return con, before, after


@settings(deadline=None, max_examples=60)
@given(DOSSIERS)
def test_the_parts_add_up_to_the_whole_for_the_province_and_every_unit(dossiers: list) -> None:
    con, before, after = attributed(dossiers)
    attribute_changes(con, "rates_before")
    for unit in before | after:
        n0, d0 = before.get(unit, (0, 0))
        n1, d1 = after.get(unit, (0, 0))
        parts = con.execute(
            "select numerator_change, denominator_change, rate_change from changes where unit_code = ?",
            [unit],
        ).fetchall()
        assert (sum(p[0] for p in parts), sum(p[1] for p in parts)) == (n1 - n0, d1 - d0)
        if d0 and d1:
            # Exact in fractions; the stored doubles differ by rounding alone.
            exact = [(n - Fraction(n0, d0) * d) / d1 for n, d, _ in parts]
            assert sum(exact) == Fraction(n1, d1) - Fraction(n0, d0)
            assert all(abs(float(e) - p[2]) < 1e-12 for e, p in zip(exact, parts, strict=True))


def test_a_dossier_without_a_cause_of_its_own_is_noticed() -> None:
    con, _, _ = attributed([(None, ("U1", True), "late_arrival"), (("U1", False), None, "rejection_in")])
    con.execute("delete from changed_items where item_code = 'D1'")
    try:
        attribute_changes(con, "rates_before")
    except Unexplained as error:
        assert "U1" in str(error)
    else:
        raise AssertionError("a part was lost in silence")


def test_a_task_is_one_item_whoever_reports_it_and_no_item_is_of_the_whole_place() -> None:
    """A provincial task reported by a unit and without one, and a commune's task without its unit."""
    model = PROJECT / "dbt_project" / "models" / "marts" / "tasks" / "task_ledger_v1.yml"
    rule = yaml.safe_load(model.read_text(encoding="utf-8"))["models"][0]["config"]["meta"]["explain"]
    rows = duckdb.sql(
        f"select {rule['period']}, {rule['item']}, {rule['unit']} from (values "
        "('province', 'NV-1', 'province', 'H42'), ('province', 'NV-1', '18001', 'H42'), "
        "('commune', 'NV-1', '18001', 'H42'), ('commune', 'NV-1', 'province', 'H42')) "
        "as t (owner_level, task_code, unit_code, lead_agency_code)"
    ).fetchall()
    assert rows == [
        ("province_tasks", "NV-1", "H42"), ("province_tasks", "NV-1|18001", "H42"),
        ("commune_tasks", "NV-1|18001", "18001"), ("commune_tasks", "NV-1|province", "unknown"),
    ]  # fmt: skip
