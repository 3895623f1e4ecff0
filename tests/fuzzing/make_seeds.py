"""Writes the binary seeds that no editor can: `python -m tests.fuzzing.make_seeds`. They are committed."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

SEEDS = Path(__file__).with_name("seeds")
ROWS: list[list[Any]] = [
    ["STT", "Mã", "Nội dung", "Ngày"],
    [1, "H41-1", "đất đai", "06/08/2025"],
    [2, "H41-2", 0.5, None],
]
CSV = 'Mã;Nội dung;Ngày\nH41-1;đất đai;06/08/2025\n"H41;2";"0,5";\n'.encode()


def main() -> None:
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    book.save(SEEDS / "xlsx" / "plain.xlsx")
    import xlwt

    old = xlwt.Workbook()
    sheet = old.add_sheet("Sổ")
    for number, row in enumerate(ROWS):
        for place, cell in enumerate(row):
            sheet.write(number, place, cell)
    old.save(str(SEEDS / "xls" / "plain.xls"))
    with zipfile.ZipFile(SEEDS / "xlsx" / "small.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<office:document-content/>")
    table = pa.table(
        {"Mã": ["H41-1", "H41-2"], "Nội dung": ["đất đai", None], "Ngày": pa.array([1, None], pa.date32())}
    )
    for name, compression in (("plain", "none"), ("zstd", "zstd")):
        pq.write_table(table, SEEDS / "parquet" / f"{name}.parquet", compression=compression)
    (SEEDS / "packed" / "one.csv.gz").write_bytes(gzip.compress(CSV, mtime=0))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("a.csv"), CSV)
    (SEEDS / "packed" / "one.zip").write_bytes(packed.getvalue())
    path = SEEDS / "sqlite" / "plain.sqlite"
    path.unlink(missing_ok=True)
    con = sqlite3.connect(path)
    con.executescript(
        'pragma page_size=512; create table so ("Mã" text, "Nội dung" text, "Ngày" text);'
        "insert into so values ('H41-1', 'đất đai', '06/08/2025'), ('H41-2', 0.5, null);"
    )
    con.commit()
    con.close()


if __name__ == "__main__":
    for kind in ("xlsx", "xls", "parquet", "packed", "sqlite"):
        (SEEDS / kind).mkdir(exist_ok=True, parents=True)
    main()
