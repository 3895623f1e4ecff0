"""What readers open outside the lake: an edited copy is named, sealed by the next release, and written anew."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import duckdb
import pytest

from pipelines.exports.marts_duckdb import EXPORT, marts_file
from pipelines.lake.exported import ExportEntry, ledger_file, list_entries
from pipelines.landing.batches import hash_file
from pipelines.night import write_export
from pipelines.operations.restore_backup import describe_lost_exports
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from tests.support.small_lake import release


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data=tmp_path_factory.mktemp("exported"))
    for number in (1, 2):
        release(settings, [("a", number)])
        write_export(settings, EXPORT)
    return settings


@pytest.fixture
def copy(exported: Settings, tmp_path: Path) -> Settings:
    """The same, free to be spoilt."""
    shutil.copytree(exported.data, tmp_path / "data", symlinks=True)
    return Settings(data=tmp_path / "data")


def read_number(settings: Settings) -> int:
    with duckdb.connect(str(marts_file(settings)), read_only=True) as con:
        row = con.execute("select n from task").fetchone()
    assert row is not None
    return int(row[0])


def forge(settings: Settings) -> None:
    with duckdb.connect(str(marts_file(settings))) as con:
        con.execute("update task set n = 99")


def list_findings(settings: Settings) -> list[tuple[str, str]]:
    return [(finding.kind, finding.text) for finding in verify_releases(settings).findings]


def test_each_export_is_on_record_once_with_its_release(copy: Settings) -> None:
    write_export(copy, EXPORT)  # nothing to write, nothing to record
    first, second = list_entries(copy)
    assert (first.release_id, second.release_id, second.place) == (1, 2, "marts.duckdb")
    assert list(second.files) == ["marts.duckdb"] and second.previous_hash == first.entry_hash
    assert list_findings(copy) == []


def test_a_forged_copy_is_named_set_aside_and_written_anew(copy: Settings) -> None:
    forge(copy)
    ((kind, text),) = list_findings(copy)
    assert kind == "edited_export" and "exports/marts.duckdb was edited" in text and "release 2" in text
    write_export(copy, EXPORT)
    assert read_number(copy) == 2 and list_findings(copy) == []
    (aside,) = (copy.data / "set_aside").iterdir()
    with duckdb.connect(str(aside), read_only=True) as con:
        assert con.execute("select n from task").fetchone() == (99,)


def test_a_copy_of_an_earlier_release_put_in_its_place_is_named(copy: Settings, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.duckdb"
    shutil.copy(marts_file(copy), earlier)
    release(copy, [("a", 3)])
    write_export(copy, EXPORT)
    shutil.copy(earlier, marts_file(copy))
    assert [kind for kind, _ in list_findings(copy)] == ["edited_export"]


def test_no_line_can_be_changed_or_struck_out_behind_the_chain(copy: Settings) -> None:
    forge(copy)
    lines = ledger_file(copy).read_text().splitlines()
    entry = json.loads(lines[1])
    ledger_file(copy).write_text(f"{lines[0]}\n")
    assert [kind for kind, _ in list_findings(copy)] == ["edited_export"]  # of the line before
    ledger_file(copy).write_text("")
    assert [kind for kind, _ in list_findings(copy)] == ["edited_export_ledger"]
    ledger_file(copy).write_text(f"{lines[0]}\n{json.dumps(entry | {'release_id': 1})}\n")
    assert "edited_export_ledger" in [kind for kind, _ in list_findings(copy)]
    ledger_file(copy).write_text("no entry\n")
    assert [kind for kind, _ in list_findings(copy)] == ["edited_export_ledger"]


@pytest.mark.parametrize(
    "edit",
    [{"files": {"../../landing/x": "0" * 64}}, {"number": "3"}, {"files": [1]}, {"place": "../elsewhere"},
     {"place": "/etc"}, {"place": "\x1b[31m"}, {"files": {"a\0b": "0" * 64}}],
)  # fmt: skip
def test_a_line_that_names_a_file_elsewhere_or_is_of_other_types_is_none(copy: Settings, edit: dict) -> None:
    """An edited file is moved aside: whoever forges a line would choose which."""
    entry = json.loads(ledger_file(copy).read_text().splitlines()[-1])
    with ledger_file(copy).open("a") as stream:
        stream.write(json.dumps(entry | {"number": 3} | edit) + "\n" + "[" * 100_000 + "\n")
    ((kind, text),) = list_findings(copy)
    assert kind == "edited_export_ledger" and "line 3 of" in text


def test_a_folder_in_the_place_of_the_ledger_is_named(copy: Settings) -> None:
    ledger_file(copy).unlink()
    ledger_file(copy).mkdir()
    assert [kind for kind, _ in list_findings(copy)] == ["edited_export_ledger"]


def test_a_view_or_a_table_more_in_a_copy_is_named(copy: Settings) -> None:
    with duckdb.connect(str(marts_file(copy))) as con:
        con.execute("create view corrected as select 0.9999 as rate; create table more as select 1 as a")
        con.execute("create macro rate() as 0.9999")
    append_line(copy, list_entries(copy)[-1])
    ((kind, text),) = list_findings(copy)
    assert kind == "edited_export"
    assert "macro rate, view corrected, table marts.more" in text


def test_what_a_killed_writer_left_of_a_line_is_written_over(copy: Settings) -> None:
    with ledger_file(copy).open("a") as stream:
        stream.write('{"number": 3, "exp')
    assert list_findings(copy) == []
    release(copy, [("a", 3)])
    write_export(copy, EXPORT)
    assert [entry.number for entry in list_entries(copy)] == [1, 2, 3] and list_findings(copy) == []


def test_exports_that_were_taken_away_mislead_nobody(copy: Settings) -> None:
    shutil.rmtree(copy.exports)
    assert list_findings(copy) == []


def test_a_line_forged_with_every_hash_right_does_not_make_a_forged_copy_true(copy: Settings) -> None:
    """Nothing has sealed the newest line yet; what a DuckDB file says is compared with the release itself."""
    forge(copy)
    append_line(copy, list_entries(copy)[-1])
    ((kind, text),) = list_findings(copy)
    assert kind == "edited_export" and "marts.task is not what release 2 says" in text


def test_an_edited_ledger_in_a_copy_is_named_though_a_line_says_so(copy: Settings) -> None:
    with duckdb.connect(str(marts_file(copy))) as con:
        con.execute("update audit.releases set reason = 'other' where release_id = 1")
        con.execute("drop table audit.release_holds")
    append_line(copy, list_entries(copy)[-1])
    findings = list_findings(copy)
    assert [kind for kind, _ in findings] == ["edited_export"] * 2
    assert "audit.release_holds is not what release 2 says" in findings[0][1]
    assert "audit.releases is not what release 2 says" in findings[1][1]


def test_a_copy_that_nobody_recorded_is_written_anew(copy: Settings) -> None:
    """An earlier version kept no ledger of exports; whatever release the file names, its rows may be others."""
    forge(copy)
    ledger_file(copy).unlink()
    write_export(copy, EXPORT)
    assert read_number(copy) == 2


def test_a_copy_of_an_earlier_release_with_a_line_of_its_own_is_named(copy: Settings, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.duckdb"
    shutil.copy(marts_file(copy), earlier)
    release(copy, [("a", 3)])
    write_export(copy, EXPORT)
    shutil.copy(earlier, marts_file(copy))
    append_line(copy, list_entries(copy)[1])
    (_, added), (kind, text) = list_findings(copy)
    assert kind == "edited_export_ledger" and "go back from release 3 to 2" in added + text
    assert "was added after release 3, and says that it is of release 2" in added + text


def test_a_ledger_older_than_its_seals_is_told_by_a_restore_and_a_newer_copy_of_it_is_whole(
    copy: Settings, tmp_path: Path
) -> None:
    """As a lost disk is restored beside a lake that stands: exported twice since the backup."""
    backup, newer = tmp_path / "backup", tmp_path / "exports.jsonl"
    backup.mkdir()
    for path in (ledger_file(copy), marts_file(copy)):
        shutil.copy(path, backup)
    for number in (3, 4):
        release(copy, [("a", number)])
        write_export(copy, EXPORT)
    shutil.copy(ledger_file(copy), newer)
    shutil.copy(backup / "exports.jsonl", ledger_file(copy))
    shutil.copy(backup / "marts.duckdb", marts_file(copy))
    verification = verify_releases(copy)
    ((kind, text),) = [(finding.kind, finding.text) for finding in verification.findings]
    assert kind == "edited_export_ledger" and "not the line 3 that release 4 sealed" in text
    assert "from now on" in describe_lost_exports(verification)
    shutil.copy(newer, ledger_file(copy))
    assert [kind for kind, _ in list_findings(copy)] == ["edited_export"]
    write_export(copy, EXPORT)
    assert list_findings(copy) == [] and read_number(copy) == 4


def append_line(settings: Settings, like: ExportEntry) -> None:
    """As the program would write it, of what lies there now."""
    entries = list_entries(settings)
    files = {name: hash_file(settings.exports / name) for name in like.files}
    entry = replace(like, number=len(entries) + 1, files=files, previous_hash=entries[-1].entry_hash)
    with ledger_file(settings).open("a") as stream:
        stream.write(json.dumps(asdict(replace(entry, entry_hash=entry.chain_hash()))) + "\n")


def test_a_file_that_no_export_wrote_and_a_link_elsewhere_are_named(copy: Settings, tmp_path: Path) -> None:
    (copy.exports / "brief-final.pdf").write_bytes(b"99.99 %")
    (copy.exports / "open_data").mkdir()
    (copy.exports / "open_data" / "latest").symlink_to(tmp_path)
    (copy.exports / "marts.partial").write_bytes(b"what a killed writer left")
    findings = list_findings(copy)
    assert [kind for kind, _ in findings] == ["foreign_export", "foreign_export"]
    assert "brief-final.pdf was written by no export" in findings[0][1]
    assert "open_data/latest is a link" in findings[1][1]
