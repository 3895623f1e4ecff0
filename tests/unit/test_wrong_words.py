"""Wrong folders, names and settings: one line that says what there is, exit code 2, and nothing is made."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.cli.answers import WORDS, Unanswered
from pipelines.runs.ports import PortTaken, UiRunning, ensure_free, own_ui
from pipelines.settings import PROJECT, Settings
from tests.cases.support import copy_case, land_and_validate


def call(words: str, data: Path, **environment: str) -> Result:
    return CliRunner().invoke(main, words.split(), env={"THONGSUOT_DATA": str(data), **environment})


@pytest.mark.parametrize("words", ["rejections", "rejections groups", "batches", "releases", "status", "verify",
                                   "trace online_submission_rate", "releases held", "rejections export"])  # fmt: skip
def test_a_folder_that_is_not_there_is_no_clean_data(tmp_path: Path, words: str) -> None:
    data = tmp_path / "nowhere"
    result = call(words, data)
    assert result.exit_code == 2 and "thongsuot run" in result.stderr and not result.stdout
    assert not data.exists()


def test_words_for_the_ledger_are_some_on_one_line_and_no_command_to_a_terminal(tmp_path: Path) -> None:
    option = ["releases", "restore", "1", "--reason"]
    for empty in ("", " \n\t"):
        result = CliRunner().invoke(main, [*option, empty], env={"THONGSUOT_DATA": str(tmp_path)})
        assert result.exit_code == 2 and "it is empty" in result.stderr
    assert WORDS.convert("a\x1b[31mwrong\nmap", None, None) == "a\ufffd[31mwrong map"
    assert (
        Unanswered("keys that are there: \x1b]0;x\x07").format_message()
        == "keys that are there: \ufffd]0;x\ufffd"
    )


@pytest.mark.parametrize(
    "words", ["--version", "--help", "run --help", "ui --help", "batches withdraw --help"]
)
def test_asking_for_help_makes_no_folder(tmp_path: Path, words: str) -> None:
    result = call(words, tmp_path / "new")
    assert result.exit_code == 0 and result.stdout and not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("THONGSUOT_EXPORTS", "foo", "there are brief, index_766, marts_duckdb"),
        ("THONGSUOT_EXPORTS_URL", "localhost/exports", "https://host/exports"),
        ("THONGSUOT_POSTGRES_URL", "not an address", "postgresql://user:password@host"),
        ("THONGSUOT_DUCKDB_MEMORY", "much", "such as 2GB"),
        ("THONGSUOT_DUCKDB_THREADS", "0", "such as 2"),
        ("THONGSUOT_ENGINE", "sparks", "duckdb or spark"),
        ("THONGSUOT_SPARK_MASTER", "host:7077", "spark://host:7077"),
        ("THONGSUOT_SPARK_MEMORY", "much", "such as 1g"),
        ("THONGSUOT_SPARK_THREADS", "0", "such as 4"),
        ("THONGSUOT_SPARK_SETTINGS", "memory=1g", "spark.name=value"),
        ("THONGSUOT_SOURCES", "/nowhere/sources.yaml", "/nowhere/sources.yaml: there is no such file"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(tmp_path: Path, variable: str, value: str, text: str) -> None:
    result = call("status", tmp_path, **{variable: value})
    assert result.exit_code == 2 and not result.stdout
    [line] = result.stderr.strip().splitlines()
    assert variable in line and text in line


@pytest.mark.parametrize(
    "words", ["ui --port 0", "ui --port 99999", "superset --port 70000", "demo --scale 0"]
)
def test_a_number_out_of_range_is_told(tmp_path: Path, words: str) -> None:
    assert call(words, tmp_path).exit_code == 2


def test_rejections_answer_a_wrong_unit_rule_source_or_day_with_what_there_is(tmp_path: Path) -> None:
    case = copy_case("header_only_export", tmp_path)
    land_and_validate(case, "2025-08-05")
    sources = {"THONGSUOT_SOURCES": str(case.sources_file)}
    for words, text in [
        ("--unit XXX", "there is no `XXX`; there are "),
        ("--rule channel_unknow", "channel_unknown"),
        ("--source dossier", "dossier_log, issue_register"),
        ("--day 2025-08-09", "no batch of 2025-08-09 was validated; days: 2025-08-05"),
    ]:
        result = call(f"rejections {words}".replace("rejections ", "rejections list "), case.data, **sources)
        assert result.exit_code == 2 and text in " ".join(result.stderr.split()), result.stderr
    assert "nothing to correct" in call("rejections", case.data, **sources).output
    assert call("sources list --json", case.data, **sources).stdout.startswith('[{"source": "dossier_log"')


def test_a_taken_port_names_its_process_and_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"Port {port} is taken by process \d+ .*--port {port + 1}"):
            ensure_free("127.0.0.1", port)
    ensure_free("127.0.0.1", port)


def test_a_data_directory_has_one_ui(settings: Settings) -> None:
    with (
        own_ui(settings, "http://127.0.0.1:3000"),
        pytest.raises(UiRunning, match=r"http://127\.0\.0\.1:3000, process \d+"),
        own_ui(settings, "http://127.0.0.1:3001"),
    ):
        pass
    with own_ui(settings, "http://127.0.0.1:3001"):
        pass


def test_the_example_of_the_environment_is_one_that_works(tmp_path: Path) -> None:
    example = PROJECT / ".env.example"
    pairs = (line.partition("=") for line in example.read_text(encoding="utf-8").splitlines() if "=" in line)
    variables = {name: value for name, _, value in pairs if not name.startswith("#") and value}
    result = call(
        "status", tmp_path, **{n: v for n, v in variables.items() if n.startswith("THONGSUOT_EXPORTS")}
    )
    assert "THONGSUOT" not in result.stderr
    shutil.rmtree(tmp_path)
