"""Bad input: the message says where, what and what to do next; nothing is half there; the former release
answers; and the next good delivery heals.

The sources of the demo fail independently of each other, so a night tries one fault of each.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import openpyxl
import pytest

from pipelines.landing.batches import find_newest_batches
from pipelines.night import build_warehouse, land_source, validate_source
from pipelines.settings import Settings
from pipelines.sources.errors import SourceError
from pipelines.warehouse.counting import NothingLanded
from pipelines.warehouse.data_tests import build_models
from tests import nights
from tests.conftest import Province
from tests.spoiled_night import (
    CAPTURE,
    DAY,
    EVE,
    SOURCES,
    Answer,
    Sources,
    answered,
    api,
    bring_up,
    nothing_half,
    report_of,
    still_answers,
)

__all__ = ["api"]
pytestmark = pytest.mark.slow

# Faults: each spoils one source. Text: what the run must say of it.


def empty(path: Path) -> None:
    path.write_bytes(b"")


def renamed_header(path: Path) -> None:
    text = path.read_text(encoding="utf-8-sig")
    path.write_text(text.replace("Mã vướng mắc", "Mã số", 1), encoding="utf-8")


def in_an_old_encoding(path: Path) -> None:
    path.write_bytes(path.read_text(encoding="utf-8-sig").encode("utf-16"))


def a_torn_line(path: Path) -> None:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    path.write_text(
        "\n".join([*lines[:40], lines[40].rpartition(";")[0] + ";x;y;z", *lines[41:]]), encoding="utf-8"
    )


def a_header_twice(path: Path) -> None:
    text = path.read_text(encoding="utf-8-sig")
    path.write_text(text.replace("Tên đơn vị", "Mã đơn vị", 1), encoding="utf-8")


def a_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/media/image1.png", b"\0" * (100 << 20))


def an_uncounted_formula(path: Path) -> None:
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    sheet.cell(row=12, column=3).value = '=HYPERLINK("http://x")'
    book.save(path)


def no_workbook(path: Path) -> None:
    path.write_bytes("STT;Mã nhiệm vụ\n1;A\n".encode())


def half_a_workbook(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_table(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Nhiệm vụ cấp tỉnh"
    book.active.append(["Kính gửi", "Văn phòng"])
    book.create_sheet("Nhiệm vụ cấp xã")
    book.save(path)


def no_database(path: Path) -> None:
    path.write_bytes(b"<html>502 Bad Gateway</html>" * 400)


def torn_in_mid_read(path: Path) -> None:
    """The pages of the rows are gone, the directory still names them."""
    content = bytearray(path.read_bytes())
    content[len(content) // 4 :] = b"\xff" * (len(content) - len(content) // 4)
    path.write_bytes(content)


class Night(NamedTuple):
    """A fault of each source, and what the run must say of it: where, what, and what to do next."""

    dossier_log: tuple[Callable[[Sources], object], str]
    issue_register: tuple[Callable[[Path], object], str]
    task_tracker: tuple[Callable[[Path], object], str]
    national_ranking: tuple[Answer, str]


HTML = b"<html>log in</html>"
NIGHTS = {
    "nothing readable": Night(
        (lambda s: no_database(s.one_stop), "is no SQLite database.*Copy the file again"),
        (empty, "2025-08-08.csv cannot be read as csv: it is empty.*Ask for a fresh export"),
        (a_bomb, "2025-08-08.xlsx .* times its size, more than `limits.ratio` allows: a bomb.*fresh export"),
        (lambda page: (429, b""), "answered 429.*Lower `requests_per_second`"),
    ),
    "another shape": Night(
        (lambda s: s.sql("alter table ho_so_trang_thai rename to ho_so"),
         "no table 'ho_so_trang_thai' in the database. Correct `table` of dossier_log"),
        (in_an_old_encoding, "2025-08-08.csv .* not utf-8.*mark of utf-16; set `encoding: utf-16`"),
        (an_uncounted_formula, "sheet 'Nhiệm vụ cấp tỉnh', cell C12: a formula without a stored value; open"),
        (lambda page: (200, HTML), "not JSON.*Open the address by hand"),
    ),
    "other columns": Night(
        (lambda s: s.sql("alter table ho_so_trang_thai rename MaHoSo to Ma_HS"),
         r"required column 'dossier_code' \(expected header 'MaHoSo'\) is missing. The nearest header is 'Ma_HS'. "
         "Correct `columns.dossier_code` of dossier_log in sources.yaml"),
        (renamed_header, "2025-08-08.csv: required column 'issue_code'.*Correct `columns.issue_code`"),
        (no_workbook, "it is text with delimiters, no workbook.*set `format: csv`"),
        (lambda page: (200, b'{"code": "OK", "data": {"chil'), "not JSON"),
    ),
    "broken off": Night(
        (lambda s: torn_in_mid_read(s.one_stop), "is no SQLite database, or a damaged one.*Copy the file again"),
        (a_torn_line, r"2025-08-08.csv .*line 41 has 19 cells, the header has 18 \(is a delimiter not quoted"),
        (half_a_workbook, "2025-08-08.xlsx cannot be read as xlsx: no readable workbook.*Ask for a fresh export"),
        (lambda page: (500, b"") if page == 3 else CAPTURE[page], "answered 500.*Run again later"),
    ),
    "not what was meant": Night(
        (lambda s: s.sql("alter table ho_so_trang_thai drop column TrangThaiHoSo"), "required column 'status_code'"),
        (a_header_twice, "'Mã đơn vị'"),
        (no_table, "sheet 'Nhiệm vụ cấp tỉnh' has no header row with 'STT' in its first 40.*`header_marker`"),
        (lambda page: CAPTURE[1], "page 2 repeats an earlier page.*Correct `paging` in sources.yaml"),
    ),
}  # fmt: skip


@pytest.fixture
def sources(week: Settings, api: tuple[str, dict[str, Answer]], tmp_path: Path) -> Sources:
    return bring_up(week, api, tmp_path / "data")


def spoil(sources: Sources, faults: Night) -> None:
    """Every source as its fault leaves it; CAPTURE keeps the pages that the API would have given."""
    faults.dossier_log[0](sources)
    faults.issue_register[0](sources.register)
    faults.task_tracker[0](sources.tracker)
    CAPTURE.update({page: sources.api["answer"](page) for page in (1, 2, 3, 4)})
    sources.api["answer"] = faults.national_ranking[0]


@pytest.mark.parametrize("faults", NIGHTS.values(), ids=NIGHTS)
def test_a_delivery_that_cannot_be_read_is_named_and_nothing_of_it_lands(
    sources: Sources, faults: Night
) -> None:
    settings = sources.settings
    spoil(sources, faults)
    night = nights.night_of(settings, str(DAY), only_missing=True)
    for source, (_, message) in faults._asdict().items():
        with pytest.raises(SourceError) as error:
            land_source(night, night.contracts.sources[source])
        assert re.search(f"{source} {DAY}.*{message}", str(error.value), re.DOTALL), error.value
        assert str(DAY) not in find_newest_batches(settings.landing, source)
    nothing_half(settings)

    shutil.copytree(settings.data / "demo.good", settings.data / "demo", dirs_exist_ok=True)
    sources.api["answer"] = lambda page: CAPTURE[page]
    for source in SOURCES:
        land_source(night, night.contracts.sources[source])
        [mended] = validate_source(night, night.contracts.sources[source])
        assert not mended.blocked
        # The files are those of the night before; the log has two states more.
        before = report_of(settings, source, EVE) if source != "dossier_log" else None
        expected = (before.rows_read, before.rows_rejected) if before else (2, 0)
        assert (mended.rows_read, mended.rows_rejected) == expected


def test_the_command_names_every_source_that_fails_and_the_former_release_answers(sources: Sources) -> None:
    """Three deliveries cannot be read, the rows of the fourth are not accepted."""
    settings, former = sources.settings, answered(sources.settings)
    # None of them is tried again after a pause.
    faults = NIGHTS["not what was meant"]
    spoil(sources, faults._replace(dossier_log=(make_statuses_unknown, "status_code_unknown")))
    process = Province(settings).thongsuot("run", "--partition", str(DAY), check=False)
    output = " ".join(process.stdout.split())
    assert process.returncode == 1 and "the last release is still served" in output
    for source, (_, message) in faults._asdict().items():
        if source != "dossier_log":
            assert re.search(f"{source} {DAY}.*{message}", output), output
            assert str(DAY) not in find_newest_batches(settings.landing, source)
    assert re.search(f"dossier_log {DAY}: batch .* is blocked: 2 of 2 rows .*status_code_unknown", output)
    assert "pull the day again" in output and "Traceback" not in output
    nothing_half(settings)
    still_answers(sources, former)
    # And trying again does not publish the day without it.
    with pytest.raises(NothingLanded, match="status_code_unknown"):
        build_warehouse(nights.night_of(settings, "-", build=build_models))
    still_answers(sources, former)


def make_statuses_unknown(sources: Sources) -> None:
    sources.sql(f"update ho_so_trang_thai set TrangThaiHoSo = '77' where ThoiGianDongBo >= '{DAY}'")
