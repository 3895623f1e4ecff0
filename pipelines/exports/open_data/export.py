"""Open data: one folder per release, checked by anyone: CSV, Parquet, JSON, checksums, a catalogue.

`exports/open_data/<release>/`, never changed once written, and `latest` beside it. Nothing in it that a
mart did not open by `meta.open_data`; nothing that opens as a formula; no small count (suppression.py).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.exports.common import PublishedTable, list_tables, newest_release
from pipelines.exports.export import Export, ExportResult
from pipelines.exports.open_data import catalogue as open_catalogue
from pipelines.exports.open_data import workbook
from pipelines.exports.open_data.cells import Withheld
from pipelines.exports.open_data.changes import write_changes
from pipelines.exports.open_data.tables import lay_out_table, read_opening
from pipelines.lake.ledger import Release
from pipelines.landing.batches import hash_file
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts

CHECKSUMS = "SHA256SUMS"
# A cell that starts so is run by a spreadsheet as a formula; the leading ' makes it text.
FORMULA = "^[=+@\\-\\t\\r]"


def open_data_folder(settings: Settings) -> Path:
    return settings.exports / "open_data"


def write_open_data(settings: Settings, release_id: int | None = None) -> ExportResult:
    """Write a release's package where it is not there yet, by default the newest's.

    LookupError without a release; OpenDataError where a mart cannot be published safely.
    """
    place = open_data_folder(settings)
    place.mkdir(parents=True, exist_ok=True)
    for left in place.glob(".*"):  # by an export that was killed
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    withheld: dict[str, Withheld] = {}
    with newest_release(settings, release_id) as (con, newest):
        target = place / str(newest.release_id)
        if rewritten := not _is_of(target, newest):
            draft = place / f".{newest.release_id}.partial"
            draft.mkdir()
            withheld = _write(con, settings, newest, draft)
            shutil.rmtree(target, ignore_errors=True)
            draft.replace(target)
    _point(place / "latest", target)
    return ExportResult(
        target,
        newest,
        rewritten,
        {"counts withheld": {name: one.counts_withheld for name, one in withheld.items()}}
        if rewritten
        else {},
    )


def _write(
    con: duckdb.DuckDBPyConnection, settings: Settings, release: Release, draft: Path
) -> dict[str, Withheld]:
    """Every opened mart, the catalogue, the checksums; what is withheld, by table."""
    opened: list[PublishedTable] = []
    published: list[PublishedTable] = []
    withheld: dict[str, Withheld] = {}
    for table in list_tables(con, settings):
        if (opening := read_opening(table)) is None:
            continue
        public, gone = lay_out_table(con, table, opening)
        withheld[public.name] = gone
        write_csv(con, public, draft / f"{public.name}.csv")
        con.execute(f"copy open_data to {duck.literal(draft / f'{public.name}.parquet')} (format parquet)")
        if opening.form == "report":
            workbook.write(con, public, draft / f"{public.name}.xlsx", newest=release)
        if opening.form == "open311":
            write_open311(con, draft / f"{public.name}.json")
        opened.append(table)
        published.append(public)
        con.execute("drop table open_data")
    contracts = load_contracts(settings.sources_file)
    open_catalogue.write(draft, published, release, contracts, withheld, write_changes(con, release, opened))
    files = sorted(path for path in draft.iterdir() if path.is_file())
    sums = [f"{hash_file(path)}  {path.name}\n" for path in files]
    (draft / CHECKSUMS).write_text("".join(sums), encoding="utf-8")
    return withheld


def write_csv(con: duckdb.DuckDBPyConnection, table: PublishedTable, file: Path) -> None:
    """UTF-8 with BOM, so that Excel reads Vietnamese; texts that would run as formulas get a leading '."""
    columns = ", ".join(
        f"regexp_replace({name}, '{FORMULA}', '''\\0') as {name}" if column.type == "VARCHAR" else name
        for column in table.columns
        for name in [duck.identifier(column.name)]
    )
    con.execute(f"copy (select {columns} from open_data) to {duck.literal(file)} (format csv, header)")
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())


def write_open311(con: duckdb.DuckDBPyConnection, file: Path) -> None:
    """The same rows as a GeoReport v2 answer; times with the offset of the place at that moment."""
    # The session is in the zone of the place; whole hours come as `+07`, RFC 3339 wants `+07:00`.
    times = ", ".join(
        f"regexp_replace(strftime({name}::timestamptz, '%Y-%m-%dT%H:%M:%S%z'), '([+-]\\d\\d)$', '\\1:00') as {name}"
        for name in ("requested_datetime", "updated_datetime", "expected_datetime")
    )
    con.execute(
        f"copy (select * replace ({times}) from open_data) to {duck.literal(file)} (format json, array true)"
    )


def _is_of(target: Path, release: Release) -> bool:
    """A whole package of this very release: its catalogue names the hash, every file has its checksum."""
    catalogue, sums = target / open_catalogue.DATAPACKAGE, target / CHECKSUMS
    if not (sums.exists() and catalogue.exists()):
        return False
    listed = [line.split("  ", 1) for line in sums.read_text(encoding="utf-8").splitlines()]
    return release.release_hash in catalogue.read_text(encoding="utf-8") and all(
        (file := target / name).exists() and hash_file(file) == sha256 for sha256, name in listed
    )


def _point(link: Path, target: Path) -> None:
    """`latest` → the release's folder, swapped by rename."""
    fresh = link.with_name(f".latest.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target.name)
    fresh.replace(link)


EXPORT = Export(
    name="open_data",
    write=write_open_data,
    kinds=frozenset({"parquet", "csv", "excel"}),
    exposure="open_data",
    files=("open_data/*/*",),
    remake=write_open_data,
    title_vi="Dữ liệu mở",
    title_en="Open data",
    description_vi="gói số liệu công khai của bản phát hành, số đếm nhỏ được che.",
    description_en="The public package: CSV, Parquet, .xlsx, datapackage.json, DCAT; small counts withheld.",
)
