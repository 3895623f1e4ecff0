"""What lies among the events of withdrawn batches and was written by no order."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import Operator
from pipelines.landing.withdrawals import (
    FOLDER,
    Withdrawal,
    WrongRecord,
    find_withdrawn,
    list_withdrawals,
    write_events,
)


def event(number: int) -> Withdrawal:
    return Withdrawal(
        number, "withdrawn", "log", "2025-08-06", f"b{number}", "A", "why", "2025-08-07 00:00:00"
    )


def test_events_are_numbered_without_a_gap(tmp_path: Path) -> None:
    write_events(tmp_path, [event(1), event(2)])
    assert [e.event_id for e in list_withdrawals(tmp_path)] == [1, 2]


@pytest.mark.parametrize(
    "name", ["000003.json", "0a1b2c3d4e5f-000003.json", "2.json", "000002x.json", ".a.json"]
)
def test_a_file_that_is_not_the_next_number_withdraws_nothing(tmp_path: Path, name: str) -> None:
    write_events(tmp_path, [event(1), event(2)])
    (tmp_path / FOLDER / "000002.json").rename(tmp_path / FOLDER / name)
    with pytest.raises(WrongRecord, match=rf"_withdrawals/(000001|{name})"):
        find_withdrawn(tmp_path)


@pytest.mark.parametrize("text", ["{}", "[1]", "no JSON", "\udcff"])
def test_a_file_that_is_no_event_is_named(tmp_path: Path, text: str) -> None:
    write_events(tmp_path, [event(1)])
    (tmp_path / FOLDER / "000002.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(WrongRecord, match=r"_withdrawals/000002\.json"):
        find_withdrawn(tmp_path)


def test_a_number_that_is_another_than_its_name_and_a_link_are_named(tmp_path: Path) -> None:
    write_events(tmp_path, [event(1), event(2)])
    first, second = (tmp_path / FOLDER / f"00000{n}.json" for n in (1, 2))
    second.write_bytes(first.read_bytes())
    with pytest.raises(WrongRecord, match="is not event 2"):
        list_withdrawals(tmp_path)
    write_events(tmp_path, [event(2)])
    second.rename(tmp_path / "elsewhere")
    second.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WrongRecord, match=r"000002\.json cannot be read"):
        list_withdrawals(tmp_path)


def test_a_command_that_meets_one_names_it_in_words(tmp_path: Path) -> None:
    main = Operator("main")

    @main.command()
    def look() -> None:
        raise WrongRecord("landing: _withdrawals/x.json is no event")

    answer = CliRunner().invoke(main, ["look"])
    assert answer.exit_code == 1 and "_withdrawals/x.json is no event" in answer.output
