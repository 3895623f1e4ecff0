"""What sources.yaml says and YAML or a newcomer means otherwise: numbers, signs, single faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.sources.contracts.contract_file import read_contracts
from tests.unit.contract_support import refused, written


@pytest.mark.parametrize(
    "line",
    [
        "code: 042",
        "constant: 00123",
        "{010: done}",
        "[12:30]",
        "x: 1_000",
        "x: 0x1F",
        "x: 0b11",
        "x: 1:20.5",
        "x: 1_0.5",
    ],
)
def test_a_number_that_is_another_one_to_yaml_is_refused(tmp_path: Path, line: str) -> None:
    """Codes with zeros before them and times of day: YAML 1.1 reads 042 as 34 and 12:30 as 750."""
    path = tmp_path / "sources.yaml"
    path.write_text(f"sources: {{}}\nplace:\n  {line}\n", encoding="utf-8")
    assert refused(path).startswith("sources.yaml, line 3: a number that YAML reads as another one")


@pytest.mark.parametrize(
    "number", ["0", "7", "-12", "3600", "0.02", ".5", "1.50", "2e3", "'042'", '"12:30"', "2025-07-01"]
)
def test_a_number_that_is_what_it_says_is_left_alone(tmp_path: Path, number: str) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(f"sources: {{}}\nplace: {{x: {number}}}\n", encoding="utf-8")
    assert read_contracts(path).content["place"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # One fault is told once, and nothing that only follows from it.
        (
            {"place__counts_since": "01/07/2025"},
            "`place.counts_since`: expected a day, written as 2025-07-01",
        ),
        ({"place__code": 42}, "`place.code`: expected a text; put it in quotes"),
        (
            {"sources__dossier_log__null_values": "-"},
            "`sources.dossier_log.null_values`: expected a list in brackets",
        ),
        ({"sources__dossier_log__max_rejected_share": 2}, "(0.02 is 2 %)"),
    ],
)
def test_one_fault_is_one_line_that_says_what_to_write(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    [line] = refused(written(tmp_path, **changes)).splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a: [%d/%m/%Y]\n", "begins with % in quotes"),
        ("a:\n\tb: 1\n", "not with tabs"),
        ("a: @x\n", "begins with @"),
    ],
)
def test_what_yaml_trips_over_is_said_with_what_helps(tmp_path: Path, text: str, hint: str) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(text, encoding="utf-8")
    assert hint in refused(path)
