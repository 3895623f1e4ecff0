"""A data directory says its format: older ones are brought up to date, newer ones are refused in words."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines import data_format
from pipelines.cli import main
from pipelines.data_format import FORMAT, UPGRADES, FormatRefused, read_format, upgrade_format
from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.landing.batches import list_batches, verify_batch
from pipelines.releases.verify import verify_releases
from pipelines.settings import PROJECT, Settings
from tests.support.small_lake import read, release

# Three releases and a batch, as the code of version 0.1.0 wrote them.
FORMAT_1 = PROJECT / "tests" / "upgrades" / "format1.tar.gz"


def record(settings: Settings) -> dict[str, object]:
    return json.loads((settings.data / "format.json").read_text())


def test_an_empty_directory_gets_this_versions_format_with_its_first_run(settings: Settings) -> None:
    assert read_format(settings.data) is None
    assert upgrade_format(settings) == []
    assert record(settings)["format"] == FORMAT == read_format(settings.data)


def test_a_directory_without_a_record_is_the_first_format_and_is_brought_up_to_date(
    settings: Settings,
) -> None:
    settings.landing.mkdir()
    assert read_format(settings.data) == 1
    assert upgrade_format(settings) == list(range(1, FORMAT))
    assert record(settings)["format"] == FORMAT
    assert upgrade_format(settings) == []


def test_every_older_format_has_its_step() -> None:
    assert sorted(UPGRADES) == list(range(1, FORMAT))


def test_a_step_that_was_cut_is_made_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.landing.mkdir()
    calls: list[str] = []

    def cut(_: Settings) -> None:
        calls.append("begun")
        if len(calls) == 1:
            raise OSError("no space")

    monkeypatch.setitem(data_format.UPGRADES, 1, cut)
    with pytest.raises(OSError, match="no space"):
        upgrade_format(settings)
    assert read_format(settings.data) == 1
    upgrade_format(settings)
    assert len(calls) == 2 and read_format(settings.data) == FORMAT


def test_a_newer_format_is_refused_by_every_command_and_nothing_is_touched(tmp_path: Path) -> None:
    newer = json.dumps({"format": FORMAT + 1, "code": "9.1.0"})
    (tmp_path / "format.json").write_text(newer)
    for words in (["run"], ["status"], ["releases"], ["batches"]):
        result = CliRunner().invoke(main, words, env={"THONGSUOT_DATA": str(tmp_path)})
        assert result.exit_code == 2
        for word in (f"format {FORMAT + 1}", "thongsuot 9.1.0", f"up to {FORMAT}", "Nothing was changed"):
            assert word in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["format.json"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("spoilt", "no record of a format"), ("[]", "no record"), ('{"format": 2}', "no record"),
     ('{"format": 2, "code": "x", "restoring": true}', "being restored"),
     *((f'{{"format": {number}, "code": "x"}}', "no record")
       for number in ("-5", "0", "true", "1e999", '"2"', "1.5", "null")),
     ('{"format": 99, "code": "\\u001b[31m"}', "no record"), ("[" * 900, "no record"), (" " * 2000, "no record")],
)  # fmt: skip
def test_what_is_no_format_is_refused(settings: Settings, text: str, words: str) -> None:
    (settings.data / "format.json").write_text(text)
    with pytest.raises(FormatRefused, match=words):
        read_format(settings.data)


def test_a_directory_of_0_1_keeps_releases_chain_and_landing_and_goes_on(settings: Settings) -> None:
    with tarfile.open(FORMAT_1) as archive:
        # Releases of Python before 3.11.4 know no filter; the archive is ours.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(settings.data)
    assert upgrade_format(settings) == [1]
    with open_lake(settings) as con:
        before = list_releases(con)
    assert [one.release_id for one in before] == [1, 2, 3] and not verify_releases(settings).findings
    (batch,) = list_batches(settings.landing)
    assert verify_batch(batch).rows == 2
    assert release(settings, [("a", 1), ("d", 5)]).release.release_id == 4
    with open_lake(settings) as con:
        assert list_releases(con)[:3] == before
    assert not verify_releases(settings).findings
    old = f"from lake.marts.task at (version => {before[1].snapshot_id}) order by code"
    assert read(settings, old) == [("a", 1), ("b", 3), ("c", None)]
