"""A copy forged together with its line of the ledger: the export is made again from the release, and differs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.exports.maker import describe_maker
from pipelines.exports.registry import EXPORTS
from pipelines.exports.remade import check_remade, verify_all
from pipelines.lake.catalogue import open_lake
from pipelines.lake.exported import list_entries, record_export
from pipelines.lake.ledger import find_release, list_releases
from pipelines.night import write_export
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from tests.integration.test_crash_exports import night

REMADE = {export.name: export for export in EXPORTS if export.remake}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data=tmp_path_factory.mktemp("exported"))
    for number in (1, 2):
        night(settings, number)
        for export in REMADE.values():
            write_export(settings, export)
    return settings


@pytest.fixture
def copy(exported: Settings, tmp_path: Path) -> Settings:
    """The same, free to be spoilt."""
    shutil.copytree(exported.data, tmp_path / "data", symlinks=True)
    return Settings(data=tmp_path / "data")


def bring_manifest(settings: Settings) -> Callable[[Settings], object]:
    """These marts are described by hand: not dbt's manifest of the project, but theirs."""
    return lambda scratch: shutil.copytree(settings.dbt_target, scratch.dbt_target)


def list_findings(settings: Settings, release_id: int | None = None) -> list[tuple[str, str]]:
    findings = check_remade(settings, bring_manifest(settings), release_id)
    return [(finding.kind, finding.text) for finding in findings]


def record(settings: Settings, name: str, release_id: int, maker: str = "") -> None:
    """A line as the program would write it, of what lies there now."""
    entry = [one for one in list_entries(settings) if (one.export, one.release_id) == (name, release_id)][-1]
    place = settings.exports / entry.place
    files = [settings.exports / one for one in entry.files]
    files += [path for path in place.rglob("*") if path.is_file() and path not in files]
    with open_lake(settings) as con:
        release = find_release(list_releases(con), release_id)
    maker = maker or describe_maker(settings, load_contracts(settings.sources_file))
    record_export(settings, name, place, files, release, maker)


FORGED = {
    "brief": ("brief.html", b"20", b"99"),
    "report_ii06a": ("bieu_II06a.xlsx", b"xl/worksheets/sheet1.xml", b"xl/worksheets/sheet9.xml"),
    "index_766": ("bo_chi_so_766.xlsx", b"xl/worksheets/sheet1.xml", b"xl/worksheets/sheet9.xml"),
    "open_data": ("open_data/2/rate.csv", b"20", b"99"),
}


def test_every_export_that_can_be_made_again_is_forged_here() -> None:
    assert set(FORGED) == set(REMADE)


def test_an_export_comes_out_the_same_byte_by_byte(copy: Settings) -> None:
    assert list_findings(copy, 1) == []
    assert verify_all(copy, prepare=bring_manifest(copy)).findings == []


def test_copies_and_their_lines_forged_together_are_named(copy: Settings) -> None:
    for name, (where, old, new) in FORGED.items():
        path = copy.exports / where
        assert old in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(old, new))
        record(copy, name, 2)
    assert verify_releases(copy).findings == [], "the ledger alone does not tell"
    findings = list_findings(copy)
    assert [kind for kind, _ in findings] == ["edited_export"] * len(FORGED)
    for where, _, _ in FORGED.values():
        name = where.split("/")[-1]
        assert [text for _, text in findings if f"{name} is not what release 2 gives" in text], name


def test_a_file_more_with_a_line_of_its_own_is_named(copy: Settings) -> None:
    (copy.exports / "open_data" / "2" / "corrected.csv").write_text("rate\n0.9999\n")
    record(copy, "open_data", 2)
    ((kind, text),) = list_findings(copy)
    assert kind == "edited_export" and "corrected.csv" in text


def test_a_file_more_without_a_line_is_set_aside_by_the_next_run_and_never_recorded(copy: Settings) -> None:
    for place in ("open_data/2/corrected.csv", "brief/corrected.html"):
        (copy.exports / place).parent.mkdir(exist_ok=True)
        (copy.exports / place).write_text("99.99 %")
    for export in REMADE.values():
        write_export(copy, export)
    assert verify_all(copy, prepare=bring_manifest(copy)).findings == []
    aside = sorted(path.name.split("-", 1)[1] for path in (copy.data / "set_aside").iterdir())
    assert aside == ["brief-corrected.html", "open_data-2-corrected.csv"]
    assert {path.stat().st_mode & 0o777 for path in (copy.data / "set_aside").iterdir()} == {0o600}


def test_files_of_an_export_that_there_is_not_or_elsewhere_than_it_writes_are_named(copy: Settings) -> None:
    with open_lake(copy) as con:
        release = list_releases(con)[-1]
    strange = {"corrected": "a.pdf", "report_ii06a": "b.pdf", "brief": "open_data/c.csv"}
    for export, place in strange.items():
        (copy.exports / place).write_bytes(b"99.99 %")
        record_export(copy, export, copy.exports / place, [copy.exports / place], release, "x")
    assert verify_releases(copy).findings == [], "the ledger alone does not tell"
    texts = [text for kind, text in list_findings(copy) if kind == "edited_export_ledger"]
    assert len(texts) == len(strange)
    for words in ("of corrected, which is no export", "of b.pdf, which", "of open_data/c.csv, which"):
        assert any(words in text for text in texts), words


def test_what_other_code_wrote_is_said_to_be_unproven_not_edited(copy: Settings) -> None:
    where, old, new = FORGED["brief"]
    (copy.exports / where).write_bytes((copy.exports / where).read_bytes().replace(old, new))
    record(copy, "brief", 2, maker="another")
    assert [kind for kind, _ in list_findings(copy)] == ["unproven_export"]


def test_an_older_package_cannot_be_recorded_anew_and_is_proven_when_asked(copy: Settings) -> None:
    path = copy.exports / "open_data" / "1" / "rate.csv"
    path.write_bytes(path.read_bytes().replace(b"10", b"99"))
    record(copy, "open_data", 1)
    assert "edited_export_ledger" in {finding.kind for finding in verify_releases(copy).findings}
    night(copy, 3)  # it sealed the forged line
    assert "edited_export_ledger" not in {finding.kind for finding in verify_releases(copy).findings}
    ((kind, text),) = list_findings(copy, 1)
    assert kind == "edited_export" and "rate.csv is not what release 1 gives" in text


def test_a_brief_that_others_made_is_written_anew(copy: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not write_export(copy, REMADE["brief"]).rewritten
    changed = copy.data / "sources.yaml"
    text = copy.sources_file.read_text(encoding="utf-8")
    changed.write_text(
        text.replace("name: ", "name: Other ", 1).replace("reference/", f"{copy.project}/reference/")
    )
    other = Settings(data=copy.data, sources_file=changed)
    assert "unproven_export" in {kind for kind, _ in list_findings(other)}
    assert write_export(other, REMADE["brief"]).rewritten
