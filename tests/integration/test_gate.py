"""The gate through whole nights: what shrinks is held, accepted by name, or mended; a plain night is quiet."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.gate.record import list_release_findings
from pipelines.lake import chain as links
from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.releases.errors import ReleaseOnHold
from pipelines.releases.holds import list_holds
from pipelines.releases.publish import publish
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from pipelines.warehouse.data_tests import build_models
from tests.cases.support import copy_case
from tests.nights import run_night

pytestmark = pytest.mark.slow
FIRST, SECOND, THIRD = "2025-08-05", "2025-08-06", "2025-08-07"


def deliver(settings: Settings, day: str, rows: dict[str, int | None]) -> None:
    """The files of `day` as those of the first, cut after so many rows."""
    for kind, count in rows.items():
        lines = (settings.data / "in" / f"{kind}_{FIRST}.csv").read_text(encoding="utf-8").splitlines()
        end = None if count is None else count + 1
        (settings.data / "in" / f"{kind}_{day}.csv").write_text(
            "\n".join(lines[:end]) + "\n", encoding="utf-8"
        )


def holds(settings: Settings) -> list[tuple[int, str]]:
    with open_lake(settings) as con:
        return [(hold.opened.hold_id, hold.status) for hold in list_holds(con)]


def test_a_list_that_lost_its_rows_is_held_then_accepted_by_name_or_mended(
    tmp_path: Path, compiled: Settings
) -> None:
    settings = copy_case("header_only_export", tmp_path)
    shutil.copytree(compiled.dbt_target, settings.dbt_target)
    first = run_night(settings, FIRST, build=build_models, exports=())
    with open_lake(settings) as con:
        assert [f.rule for f in list_release_findings(con, first.release_id)] == []

    deliver(settings, SECOND, {"export": None, "issues": 3})
    with pytest.raises(
        ReleaseOnHold, match=r"(?s)Hold 1: nothing was published.*37 keys.*delivery_lost_keys"
    ):
        run_night(settings, SECOND, build=build_models, exports=())
    assert holds(settings) == [(1, "open")]
    with open_lake(settings) as con:
        assert len(ledger.list_releases(con)) == 1
        [hold] = list_holds(con)
        assert hold.findings[0]["scope"] == "issue_register" and len(hold.findings[0]["details"]) == 20

    with pytest.raises(LookupError, match="no open hold 2"):
        publish(settings, run_id="r", author="a", reason="b", accept=2)
    accepted = publish(settings, run_id="r", author="Nguyễn A", reason="cleared up", accept=1)
    assert accepted.release.author == "Nguyễn A" and holds(settings) == [(1, "accepted")]
    with open_lake(settings) as con:
        findings = [(finding.rule, finding.outcome) for finding in list_release_findings(con, 2)]
        # The log is that of the day before, row for row.
        assert findings == [("delivery_lost_keys", "accepted"), ("delivery_unchanged", "warned")]

    deliver(settings, THIRD, {"export": 5, "issues": 3})
    with pytest.raises(ReleaseOnHold, match="dossier_log"):
        run_night(settings, THIRD, build=build_models, exports=())
    deliver(settings, THIRD, {"export": None, "issues": 3})
    mended = run_night(settings, THIRD, build=build_models, exports=())
    assert mended.as_of == datetime(2025, 8, 7, 23, 59, 59)
    assert holds(settings) == [(1, "accepted"), (2, "mended")]
    with open_lake(settings) as con:
        chain = ledger.list_releases(con)
        assert links.find_breaks(chain, links.list_events(con)) == []
    assert verify_releases(settings).findings == []
