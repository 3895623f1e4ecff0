"""A setting that names what has no end is answered at once, whatever it is: a pipe, a device, a folder, a huge file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines import settings as module
from pipelines.cli import main
from pipelines.data_format import FormatRefused, read_format
from pipelines.operations.records import read_record
from pipelines.plain_files import LARGEST, NotPlain, read_plain_bytes, read_plain_text
from pipelines.quality.place_suite import _read_content
from pipelines.quality.suite import SuiteError, read_suite
from pipelines.releases.signed_note import WrongKey, read_public_key
from pipelines.sources.contracts.contract import ContractError, load_contracts


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_circle(path: Path) -> None:
    path.symlink_to(path)


def make_huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(LARGEST + 1)


ENDLESS = {"a pipe": make_pipe, "a device": make_device, "a folder": Path.mkdir, "a huge file": make_huge}
MAKE = pytest.mark.parametrize("make", ENDLESS.values(), ids=ENDLESS.keys())


@MAKE
def test_what_has_no_end_is_not_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x")
    with pytest.raises(NotPlain):
        read_plain_bytes(tmp_path / "x")


def test_a_plain_file_is_read_whole_and_what_is_no_text_is_a_value_error(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("đất")
    assert read_plain_text(tmp_path / "x") == "đất"
    (tmp_path / "x").write_bytes(b"\xff")
    with pytest.raises(ValueError, match="utf-8"):
        read_plain_text(tmp_path / "x")
    with pytest.raises(NotPlain, match="larger than 10"):
        read_plain_bytes(Path("/proc/self/maps"), 10)  # it says that it has no bytes


@MAKE
def test_every_reader_of_a_file_that_people_put_somewhere_refuses_it(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    readers: list[tuple[Callable[[Path], object], type[Exception]]] = [
        (load_contracts, ContractError),
        (read_suite, SuiteError),
        (_read_content, SuiteError),
        (lambda path: read_public_key(str(path)), WrongKey),
        (lambda path: read_format(path.parent), FormatRefused),
        (read_record, ValueError),
    ]
    make(tmp_path / "format.json")
    for read, refusal in readers:
        with pytest.raises(refusal):
            read(tmp_path / "format.json")


@MAKE
def test_sources_that_have_no_end_are_told_in_one_line_and_the_zone_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "sources.yaml")
    monkeypatch.setenv("THONGSUOT_SOURCES", str(tmp_path / "sources.yaml"))
    assert str(module._zone_of_the_place()) == "Asia/Ho_Chi_Minh"
    result = CliRunner().invoke(main, ["sources", "list"], env={"THONGSUOT_DATA": str(tmp_path / "data")})
    assert result.exit_code in (1, 2) and not result.stdout
    assert re.search("no plain file|larger than", " ".join(result.stderr.split()))
    assert "Traceback" not in result.stderr and isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("THONGSUOT_DATA", "/"),
        ("THONGSUOT_DATA", "/etc"),
        ("THONGSUOT_DATA", "/tmp"),
        ("THONGSUOT_DATA", "/proc"),
        ("THONGSUOT_DATA", "/dev/zero"),
        ("THONGSUOT_DATA", "/dev/null/data"),
        ("THONGSUOT_DATA", "/proc/nowhere"),
        ("THONGSUOT_DATA", "~nobody-of-that-name/data"),
        ("THONGSUOT_DATA", "/srv/" + "a" * 300),
        ("THONGSUOT_SOURCES", "~nobody-of-that-name/sources.yaml"),
        ("THONGSUOT_SOURCES", "/srv/" + "a" * 300),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_in_one_line(tmp_path: Path, variable: str, value: str) -> None:
    environment = {"THONGSUOT_DATA": str(tmp_path), variable: value}
    result = CliRunner().invoke(main, ["demo", "--scale", "0.001"], env=environment)
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit), result.output
    (line,) = result.stderr.strip().splitlines()
    assert variable in line


def test_a_key_that_is_no_path_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[str] = []
    monkeypatch.setattr(module, "register_secret", lambda value, name=None: registered.append(value))
    module.Settings.from_env({"THONGSUOT_SIGNING_KEY": "K" * 5000})
    assert registered == ["K" * 5000]
