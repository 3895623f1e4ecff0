"""A week of nights: it verifies, it is built again from its batches, restored, and pruned."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from pipelines import duck
from pipelines.lake import chain as links
from pipelines.lake import inputs, ledger
from pipelines.lake.catalogue import open_lake
from pipelines.landing.batches import Batch, find_newest_batch, hash_file
from pipelines.night import build_warehouse, validate_source
from pipelines.quality.reports import EditedRows, Report, read_report, write_report
from pipelines.releases import rebuild as rebuilding
from pipelines.releases.findings import Finding
from pipelines.releases.publish import PublishError, publish
from pipelines.releases.rebuild import rebuild
from pipelines.releases.restore import restore
from pipelines.releases.retention import prune
from pipelines.releases.verify import verify_releases
from pipelines.releases.verify_landing import check_landing, read_published
from pipelines.releases.verify_quality import check_quality
from pipelines.runs.plan import plan_run
from pipelines.settings import Settings
from pipelines.warehouse.data_tests import build_models
from pipelines.warehouse.sealed_build import seal_build
from tests.nights import night_of
from tests.support.copies import copy_installation

pytestmark = pytest.mark.slow


@pytest.fixture
def copy(week: Settings, tmp_path: Path) -> Settings:
    """The week, free to be spoilt."""
    data = tmp_path / "data"
    copy_installation(week.data, data, "demo", ".rebuild.*")
    return Settings(data=data, sources_file=data / "sources.yaml")


def test_a_whole_week_verifies_and_says_its_head(week: Settings) -> None:
    result = verify_releases(week)
    assert result.findings == []
    assert (result.releases, result.kept) == (8, 8) and result.files > 50 and result.batches > 70
    with open_lake(week) as con:
        assert result.head == links.list_states(con)[-1].state_hash


def check_batches(settings: Settings) -> list[Finding]:
    """As `verify` does, and nothing else of it: what landed for the newest release, and what was made of it."""
    with open_lake(settings) as con:
        newest = ledger.list_releases(con)[-1].release_id
        findings = list(check_landing(settings, inputs.list_inputs(con, newest), read_published(con)))
        sidecars = [finding.text for finding in findings if finding.kind == "edited_sidecar"]
        return findings + list(check_quality(settings, inputs.list_quality(con, newest), sidecars))


def forge_rows(settings: Settings) -> Report:
    """One day's dossiers handed in at the desk become online ones, in the accepted rows alone."""
    batch = find_newest_batch(settings.landing, "dossier_log", "2025-08-06")
    assert batch is not None
    report = read_report(settings.quality, batch)
    assert report is not None
    with duck.connect(settings.extensions) as con:
        con.execute(f"create table t as from '{report.accepted}'; update t set channel = 'online'")
        con.execute(f"copy t to '{report.accepted}' (format parquet)")
    return report


def test_forged_accepted_rows_are_named_and_stop_the_build_until_they_are_made_anew(copy: Settings) -> None:
    report = forge_rows(copy)
    (finding,) = verify_releases(copy).findings
    assert finding.kind == "edited_rows" and report.batch_id in finding.text
    assert "run --revalidate --partition" in finding.next_step
    # A run trusts what it validated itself: this one is none of the week's.
    night = night_of(copy, run_id="the run after")
    with pytest.raises(
        EditedRows, match=r"dossier_log 2025-08-06: the accepted rows .*--partition 2025-08-06"
    ):
        build_warehouse(night)
    # With the report made to fit, and with a report that is another: no run takes over either.
    fitting = replace(report, files=report.files | {"accepted": hash_file(report.accepted)})
    for forged in (fitting, replace(fitting, rows_accepted=0), replace(fitting, files={})):
        write_report(forged)
        with pytest.raises(EditedRows, match="dossier_log 2025-08-06"):
            build_warehouse(night)
        plan = plan_run(copy, date(2025, 8, 6), date(2025, 8, 6), again=False, revalidate=False)
        assert plan.job == "revalidate" and plan.days == [date(2025, 8, 6)]
    validate_source(night, night.contracts.sources["dossier_log"])
    assert check_batches(copy) == []


def rewrite(path: Path, text: str) -> None:
    """Another file of that name: the week's own, of which it is a link, stays as it is."""
    path.unlink()
    path.write_text(text, encoding="utf-8")


def test_whatever_lies_beside_a_batch_is_what_the_release_recorded(copy: Settings) -> None:
    def find_batch(day: str) -> tuple[Batch, Report]:
        batch = find_newest_batch(copy.landing, "dossier_log", day)
        assert batch is not None
        report = read_report(copy.quality, batch)
        assert report is not None
        return batch, report

    batch, _ = find_batch("2025-08-06")
    rewrite(batch.sidecar, batch.sidecar.read_text().replace('"notes": []', '"notes": ["nothing to see"]'))
    rewrite(find_batch("2025-08-05")[1].path, "{")
    rewrite(find_batch("2025-08-04")[1].page, "all is well")
    kinds = {finding.kind for finding in check_batches(copy)}
    assert kinds == {"edited_sidecar", "edited_report", "missing_report"}


# Release 3: before the day was pulled again, before later days landed.
@pytest.mark.parametrize(
    "release_id", [3, *(pytest.param(n, marks=pytest.mark.full) for n in (1, 2, 4, 5, 6, 8))]
)
def test_a_release_rebuilt_from_its_batches_has_every_hash_again(week: Settings, release_id: int) -> None:
    rebuilt = rebuild(week, release_id)
    assert rebuilt.findings == []
    # After the 5th, books list superseded batches, which the rules of a later night validated.
    assert rebuilt.notes == [] or release_id > 5
    assert not list(week.data.glob(".rebuild.*"))


def test_a_number_changed_by_hand_before_publishing_does_not_reproduce(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with duck.connect(copy.extensions, copy.warehouse) as con:
        con.execute("update marts.online_submission_headline set online = online + 100")
    with pytest.raises(PublishError, match=r"warehouse\.duckdb was written to since its build"):
        publish(copy, run_id="by hand", author="someone", reason="a better number")
    seal_build(copy)  # as somebody does who knows where the seal lies
    publication = publish(copy, run_id="by hand", author="someone", reason="a better number")
    assert verify_releases(copy).findings == []  # published by the rules: the lake is whole
    monkeypatch.setattr(rebuilding, "build_and_test", build_models)
    rebuilt = rebuild(copy, publication.release.release_id)
    assert [f.kind for f in rebuilt.findings] == ["not_reproduced"]
    assert "marts.online_submission_headline" in rebuilt.findings[0].text


def test_an_old_state_is_restored_as_a_new_release_and_nothing_is_rewritten(copy: Settings) -> None:
    with open_lake(copy) as con:
        before = ledger.list_releases(con)
    release = restore(copy, 3, run_id="r", author="head of the task force", reason="a wrong map").release
    assert (release.release_id, release.restores, release.as_of) == (9, 3, before[2].as_of)
    assert release.marts == before[2].marts and release.input_sha256 == before[2].input_sha256
    with open_lake(copy) as con:
        assert ledger.list_releases(con)[:-1] == before
        now = con.execute("select count(*), sum(is_online::int) from lake.marts.dossier_register").fetchall()
        then = con.execute(
            "select count(*), sum(is_online::int) from lake.marts.dossier_register "
            f"at (version => {before[2].snapshot_id})"
        ).fetchall()
        causes = con.execute(
            "select distinct cause from lake.audit.release_changes where release_id = 9"
        ).fetchall()
    assert now == then and causes == [("restored",)]
    assert verify_releases(copy).findings == []
    assert not restore(copy, 3, run_id="r", author="a", reason="twice").is_new
    with pytest.raises(LookupError, match="no release 42"):
        restore(copy, 42, run_id="r", author="a", reason="b")


def measure_lake_files(settings: Settings) -> dict[Path, int]:
    """Data file of the lake → bytes."""
    return {path: path.stat().st_size for path in (settings.lake / "files").rglob("*.parquet")}


def test_pruning_keeps_the_chain_and_the_explanations_and_reclaims_files(copy: Settings) -> None:
    later = datetime(2030, 1, 1)
    assert prune(copy, author="a", reason="dry", now=later, dry_run=True).releases == list(range(1, 8))
    before = measure_lake_files(copy)
    done = prune(copy, author="a", reason="old", now=later)
    after = measure_lake_files(copy)
    # A link of the chain is written for each release; no other file is new.
    assert [path.parent.name for path in after.keys() - before.keys()] == 7 * ["release_prunes"]
    assert done == (list(range(1, 8)), len(before) - len(after), sum(before.values()) - sum(after.values()))
    assert prune(copy, author="a", reason="again", now=later).releases == []
    result = verify_releases(copy)
    assert result.findings == [] and (result.releases, result.kept, result.pruned) == (8, 1, 7)
    with open_lake(copy) as con:
        assert con.execute("select count(*) from lake.audit.release_changes where release_id = 3").fetchone()[
            0
        ]
    with pytest.raises(PublishError, match=r"release 2 were pruned.* marks with ✓ those that can"):
        restore(copy, 2, run_id="r", author="a", reason="b")
