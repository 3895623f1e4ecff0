"""Bad input through the whole line (DESIGN §10): the message says where, what and what to do next; nothing
is half there; the former release answers; and the next good delivery heals.

The four sources of the demo fail independently of each other, so a night tries one fault of each.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import duckdb
import openpyxl
import pytest

from pipelines.landing.batches import batches, intact, newest
from pipelines.landing.pull import pull
from pipelines.quality.reports import Report, read_report
from pipelines.releases import ledger
from pipelines.releases.lake import open_lake
from pipelines.settings import Settings
from pipelines.sources.contract import load_contracts
from tests import line, nights
from tests import week as planted

pytestmark = pytest.mark.slow

# The week (tests/week.py) ends on 7 August with release 8; this is the night after it.
DAY, RELEASE = date(2025, 8, 8), 8
EVE = date(2025, 8, 7)
SOURCES = ("dossier_log", "issue_register", "task_tracker", "national_ranking")
Answer = Callable[[int], tuple[int, bytes]]
# The pages that the API gives when it is well.
CAPTURE: dict[int, tuple[int, bytes]] = {}


class Sources(NamedTuple):
    """The four source systems of the night, as files and an API that a test may spoil."""

    settings: Settings
    api: dict[str, Answer]

    @property
    def one_stop(self) -> Path:
        return self.settings.data / "demo" / "one_stop.sqlite"

    @property
    def tracker(self) -> Path:
        return self.settings.data / "demo" / "task_tracker" / f"{DAY}.xlsx"

    @property
    def register(self) -> Path:
        return self.settings.data / "demo" / "issue_register" / f"{DAY}.csv"

    @property
    def units(self) -> Path:
        return self.settings.data / "units.csv"

    def sql(self, statement: str) -> None:
        with closing(sqlite3.connect(self.one_stop)) as con:
            con.executescript(statement)

    def tell(self, number: int, **changes: str | None) -> str:
        """One more state in the log: a sound one but for the changes; the code of its dossier."""
        said = {
            "MaHoSo": planted.code(str(DAY), number), "ThoiDiemXuLy": f"{DAY} 09:00:00",
            "ThoiGianDongBo": f"{DAY} 09:05:00", "NgayTiepNhan": "20250808090000",
            "NgayNopHoSo": "20250808090000",
        } | changes  # fmt: skip
        assigned = ", ".join(f"{name} = ?" for name in said)
        with closing(sqlite3.connect(self.one_stop)) as con:
            con.execute(
                "create temp table told as select * from ho_so_trang_thai where MaHoSo = ?", [planted.LATE]
            )
            con.execute(f"update told set {assigned}", list(said.values()))
            con.execute("insert into ho_so_trang_thai select * from told")
            con.commit()
        return str(said["MaHoSo"])


@pytest.fixture(scope="module")
def api() -> Iterator[tuple[str, dict[str, Answer]]]:
    """The ranking's portal; a test says how it answers for a page."""
    said: dict[str, Answer] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = said["answer"](int(asked["currentPage"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *words: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", said
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def tonight(
    week: Settings, api: tuple[str, dict[str, Answer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[line.Line, Sources]]:
    """The week's installation, its ranking asked over HTTP and its units in a file of its own."""
    data = tmp_path_factory.mktemp("bad") / "data"
    settings = Settings(data=data, sources_file=data / "sources.yaml")
    as_after_the_week(week, settings)
    url, said = api
    text = week.sources_file.read_text(encoding="utf-8")
    for old, new in (
        ('    connector: files\n    partitioning: snapshot_day\n    path: "{data}/demo/national_ranking/{partition}"',
         f"    connector: http\n    partitioning: snapshot_day\n    url: {url}"),
        ("{project}/reference/units.csv", "{data}/units.csv"),
    ):  # fmt: skip
        assert text.count(old) == 1
        text = text.replace(old, new)
    settings.sources_file.write_text(text, encoding="utf-8")
    with line.ready(settings) as ready:
        yield ready, Sources(settings, said)


def as_after_the_week(week: Settings, settings: Settings) -> None:
    """Everything but sources.yaml and what dbt parsed."""
    for part in ("landing", "quality", "lake", "exports", "demo"):
        shutil.rmtree(settings.data / part, ignore_errors=True)
        shutil.copytree(week.data / part, settings.data / part, symlinks=True)
    shutil.copy(week.warehouse, settings.warehouse)
    shutil.copy(settings.project / "reference" / "units.csv", settings.data / "units.csv")


@pytest.fixture
def night(week: Settings, tonight: tuple[line.Line, Sources]) -> tuple[line.Line, Sources]:
    """Before the night of 8 August: every source would deliver something good."""
    ready, sources = tonight
    as_after_the_week(week, sources.settings)
    good(sources)
    return ready, sources


def good(sources: Sources) -> None:
    """The last night's files under the new day, and two states more in the log."""
    demo = sources.settings.data / "demo"
    shutil.copy(demo / "task_tracker" / "2025-08-07.xlsx", sources.tracker)
    shutil.copy(demo / "issue_register" / "2025-08-07.csv", sources.register)
    pages = sorted((demo / "national_ranking" / "2025-08-07").iterdir())
    sources.api["answer"] = lambda n: (200, pages[n - 1].read_bytes().replace(b"08-07T", b"08-08T"))
    sources.tell(1)
    sources.tell(2)
    shutil.copytree(demo, demo.with_name("demo.good"), dirs_exist_ok=True)


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

    log: tuple[Callable[[Sources], object], str]
    register: tuple[Callable[[Path], object], str]
    tracker: tuple[Callable[[Path], object], str]
    ranking: tuple[Answer, str]


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
        (no_workbook, "text with delimiters saved under a workbook's name; set `format: csv`"),
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
        (lambda page: CAPTURE[1], "page 2 repeats an earlier page.*Correct `paging` of national_ranking"),
    ),
}  # fmt: skip


def still_answers(sources: Sources, former: tuple[Any, ...]) -> None:
    """The lake and the exported file say what they said, of the release they said it of."""
    assert answered(sources.settings) == former
    assert former[0] == RELEASE


def answered(settings: Settings) -> tuple[Any, ...]:
    asked = "select count(*), sum(numerator), sum(denominator), max(as_of_day) from {}.online_submission_rate"
    with open_lake(settings) as con:
        newest = ledger.releases(con)[-1]
        lake = con.execute(asked.format("lake.marts")).fetchone()
    with duckdb.connect(str(settings.exports / "marts.duckdb"), read_only=True) as con:
        file = con.execute(asked.format("marts")).fetchone()
        of = con.execute("select max(release_id) from audit.releases").fetchone()
    return newest.release_id, newest.release_hash, lake, file, of


def nothing_half(settings: Settings) -> None:
    """No draft, no file without its sidecar, every batch whole."""
    listed = [batch for batch in batches(settings.landing) if intact(batch)]
    files = {path for path in settings.landing.rglob("*") if path.is_file()}
    assert files == {file for batch in listed for file in (batch.path, batch.sidecar)}
    assert not list(settings.quality.rglob("*.partial"))


@pytest.mark.parametrize("faults", NIGHTS.values(), ids=NIGHTS)
def test_a_delivery_that_cannot_be_read_is_named_and_nothing_of_it_lands(
    night: tuple[line.Line, Sources], faults: Night
) -> None:
    ready, sources = night
    settings, former = sources.settings, answered(sources.settings)
    faults.log[0](sources)
    faults.register[0](sources.register)
    faults.tracker[0](sources.tracker)
    CAPTURE.update({page: sources.api["answer"](page) for page in (1, 2, 3, 4)})
    sources.api["answer"] = faults.ranking[0]

    told = ready.run(DAY)
    assert not told.success and "the last release is still served" in told.text
    for source, (_, said) in zip(SOURCES, faults, strict=True):
        text = told.about(f"landing/{source}")
        assert re.search(f"{source} {DAY}.*{said}", text, re.DOTALL), told.text
        assert str(DAY) not in newest(settings.landing, source)
    nothing_half(settings)
    still_answers(sources, former)

    shutil.copytree(settings.data / "demo.good", settings.data / "demo", dirs_exist_ok=True)
    sources.api["answer"] = lambda page: CAPTURE[page]
    for source in load_contracts(settings.sources_file).sources.values():
        pull(source, DAY, settings, run_id="mended")
    nights.judge(settings)
    for source in SOURCES:
        mended = report_of(settings, source)
        assert not mended.blocked
        # The files are those of the night before; the log has two states more.
        before = report_of(settings, source, EVE) if source != "dossier_log" else None
        expected = (before.rows_read, before.rows_rejected) if before else (2, 0)
        assert (mended.rows_read, mended.rows_rejected) == expected


def report_of(settings: Settings, source: str, day: date = DAY) -> Report:
    report = read_report(settings.quality, newest(settings.landing, source)[str(day)])
    assert report is not None
    return report
