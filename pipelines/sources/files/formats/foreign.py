"""What a file is that is not in the format that its name promises, told by its first bytes, and what helps then."""

from __future__ import annotations

import re
import zipfile
import zlib
from contextlib import suppress
from typing import NamedTuple

SAVE_AS = "open it in a spreadsheet program and save it as .xlsx"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
TAGS = re.compile(
    rb"<(?:!doctype|html|head|body|meta|style|script|table|div|span|title|link|form|center|font|p|br|tr|td)\b",
    re.I,
)


class Kind(NamedTuple):
    """What the file is, and the step that helps."""

    name: str
    advice: str

    def __str__(self) -> str:
        contradiction = "" if self.name.startswith("empty") else ", though its name says otherwise"
        return f"it is {self.name}{contradiction}; {self.advice}"


WEB_PAGE = Kind(
    "a web page", f"if it shows the table, {SAVE_AS}; it may also be the log-in page of the system"
)
ARCHIVED_PAGE = Kind("a web page in a MIME archive (MHTML)", SAVE_AS)
XML_SHEET = Kind("an XML spreadsheet of 2003 (SpreadsheetML)", SAVE_AS)
XML = Kind("an XML document", f"{SAVE_AS}, or ask for CSV")
EMPTY = Kind("empty", "ask for the export again: an empty file cannot be told from a broken export")
BLANK = Kind("empty: nothing but zero bytes", "ask for the export again")
WORKBOOK = Kind("a workbook", "set `format: xlsx`")
LOCKED = Kind("a workbook protected by a password (encrypted)", "save it without the password")

_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"%PDF", Kind("a PDF", "ask for the table itself, as .xlsx or CSV: a printed page is not read")),
    (b"{\\rtf", Kind("a text document (RTF)", "ask for the table itself, as .xlsx or CSV")),
    (b"Rar!\x1a\x07", Kind("a .rar archive", "unpack it, or deliver a .zip without a password")),
    (b"7z\xbc\xaf\x27\x1c", Kind("a .7z archive", "unpack it, or deliver a .zip without a password")),
    (b"\x89PNG", Kind("a picture (PNG)", "ask for the table itself: a picture is not read")),
    (b"\xff\xd8\xff", Kind("a picture (JPEG)", "ask for the table itself: a picture is not read")),
    (b"GIF8", Kind("a picture (GIF)", "ask for the table itself: a picture is not read")),
    (b"BM", Kind("a picture (BMP)", "ask for the table itself: a picture is not read")),
    (b"II*\x00", Kind("a picture (TIFF)", "ask for the table itself: a picture is not read")),
    (b"MM\x00*", Kind("a picture (TIFF)", "ask for the table itself: a picture is not read")),
    (b"\xff\x00\x02\x00\x04\x04\x05\x54", Kind("a spreadsheet of Microsoft Works", SAVE_AS)),
    (b"\x00\x00\x02\x00\x06\x04", Kind("a spreadsheet of Lotus 1-2-3 or Works", SAVE_AS)),
    (b"\x00\x00\x1a\x00", Kind("a spreadsheet of Lotus 1-2-3", SAVE_AS)),
    (b"ID;PWXL", Kind("a spreadsheet exchange file (SYLK)", SAVE_AS)),
    (b"PAR1", Kind("Parquet", "set `format: parquet`")),
    (b"SQLite format 3\x00", Kind("an SQLite database", "set `connector: database`")),
    (b"MZ", Kind("a program", "do not open it; ask who sent it")),
    (b"%!PS", Kind("a printed page (PostScript)", "ask for the table itself, as .xlsx or CSV")),
    (b"\x03\x00", Kind("a dBase table", SAVE_AS)),
    (b"\x09\x00\x04\x00", Kind("a workbook of Excel 2", SAVE_AS)),
    (b"\x09\x02\x06\x00", Kind("a workbook of Excel 3", SAVE_AS)),
    (b"\x09\x04\x06\x00", Kind("a workbook of Excel 4", SAVE_AS)),
)
# Streams in an OLE container (their names are UTF-16) that are no workbook.
_OLE_STREAMS: tuple[tuple[str, Kind], ...] = (
    ("EncryptedPackage", LOCKED),
    ("WordDocument", Kind("a Word document", "ask for the table itself, as .xlsx or CSV")),
    ("PowerPoint Document", Kind("a presentation", "ask for the table itself, as .xlsx or CSV")),
    ("MatOST", Kind("a document of Microsoft Works", "ask for the table itself, as .xlsx or CSV")),
    ("MM_WORKS", Kind("a document of Microsoft Works", SAVE_AS)),
    ("__substg1.0", Kind("an e-mail (Outlook)", "save its attachment")),
)
_ZIP_TYPES: tuple[tuple[bytes, Kind], ...] = (
    (b"application/vnd.oasis.opendocument.spreadsheet", Kind("an OpenDocument spreadsheet (.ods)", SAVE_AS)),
    (
        b"application/vnd.oasis.opendocument",
        Kind("an OpenDocument text", "ask for the table itself, as .xlsx or CSV"),
    ),
)


def find_kind(sample: bytes) -> Kind | None:
    """The kind of file that these first bytes tell, if it is neither text nor a workbook that can be read."""
    if not sample:
        return EMPTY
    if b"\x00" in sample and not sample.strip(b"\x00 \t\r\n"):
        return BLANK
    for magic, kind in _MAGIC:
        # Two letters may begin a text as well.
        if sample.startswith(magic) and (len(magic) > 2 or b"\x00" in sample[:64]):
            return kind
    if sample.startswith(OLE):
        return next((kind for name, kind in _OLE_STREAMS if name.encode("utf-16-le") in sample), None)
    if sample.startswith(b"PK\x03\x04"):
        # The first member of an OpenDocument tells its type, uncompressed.
        return next((kind for mark, kind in _ZIP_TYPES if mark in sample[:200]), None)
    return find_markup(sample)


def find_foreign(sample: bytes) -> Kind | None:
    """As `find_kind`, for formats that are no workbook: an .xls is one to them."""
    return find_kind(sample) or (WORKBOOK if sample.startswith(OLE) else None)


def find_markup(sample: bytes) -> Kind | None:
    """A web page, its archive or XML, also after a BOM, in UTF-16, or below a comment."""
    text = decode_start(sample)
    if re.match(
        rb"(?:from[: ]|date:|subject:|x-[\w-]+:|mime-version:|content-type: *multipart)", text, re.I
    ) and (re.search(rb"^mime-version:|^content-type: *multipart", text, re.I | re.M)):
        return ARCHIVED_PAGE
    if not text.startswith(b"<"):
        return None
    if b"urn:schemas-microsoft-com:office:spreadsheet" in text and b"<html" not in text.lower():
        return XML_SHEET
    if TAGS.search(text[:4096]):
        return WEB_PAGE
    return XML if re.match(rb"<\?xml|<[\w:!]", text) else None


def find_json(sample: bytes) -> Kind | None:
    """A JSON document, or one object a line, where a table of texts was expected."""
    if not (start := re.match(rb'(\[\s*)?\{\s*"[^"\n]*"\s*:|\[\s*\]', decode_start(sample))):
        return None
    lines = decode_start(sample).splitlines()[:2]
    one_a_line = (
        start[0].startswith(b"{") and all(line.rstrip().endswith(b"}") for line in lines) and len(lines) > 1
    )
    return Kind(
        "a JSON document",
        f"set `format: {'ndjson' if one_a_line else 'json'}`; it may also be an error message of the system",
    )


def decode_start(sample: bytes) -> bytes:
    """The first bytes as one-byte text, without a BOM, blanks and the zeros of UTF-16."""
    for bom in BOMS:
        sample = sample.removeprefix(bom)
    return sample.replace(b"\x00", b"").lstrip(b" \t\r\n\x0b\x0c")


def describe_text(sample: bytes, expected: str = "workbook") -> str | None:
    """A delimited text: the settings that read it; None where the bytes are no text."""
    encoding = "utf-8"
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif sample[1::2].count(0) > len(sample) / 4:
        encoding = "utf-16-le"
    elif sample[::2].count(0) > len(sample) / 4:
        encoding = "utf-16-be"
    text = decode_start(sample.decode(encoding, "ignore").encode())
    if re.search(rb"[\x00-\x08\x0e-\x1f]", text):
        return None
    line = text.splitlines()[0] if text else b""
    counts = {sign: line.count(sign) for sign in (b"\t", b";", b",", b"|")}
    sign = max(counts, key=lambda s: counts[s])
    if not counts[sign]:
        return None
    delimiter = {b"\t": '"\\t"', b";": '";"', b",": '","', b"|": '"|"'}[sign]
    settings = f"`format: csv`, `delimiter: {delimiter}`"
    if encoding != "utf-8":
        settings += f", `encoding: {encoding}`"
    return f"it is text with delimiters, no {expected}, though its name says so; set {settings}"


def find_zip_kind(archive: zipfile.ZipFile) -> Kind | None:
    """What a ZIP is that is neither an .xlsx nor an archive of exports; of locked members, that they are."""
    members = set(archive.namelist())
    if any(entry.flag_bits & 1 for entry in archive.infolist()):
        return Kind("an archive protected by a password", "deliver it without the password")
    if "xl/workbook.bin" in members:
        return Kind("a binary workbook (.xlsb)", SAVE_AS)
    if any(name.startswith("word/") for name in members):
        return Kind("a Word document (.docx)", "ask for the table itself, as .xlsx or CSV")
    if any(name.startswith("ppt/") for name in members):
        return Kind("a presentation (.pptx)", "ask for the table itself, as .xlsx or CSV")
    if "mimetype" not in members:
        return None
    with suppress(zipfile.BadZipFile, zlib.error), archive.open("mimetype") as stream:
        mime_type = stream.read(100)
        return next((kind for mark, kind in _ZIP_TYPES if mark in mime_type), None)
    return None


def find_no_workbook(archive: zipfile.ZipFile) -> Kind | None:
    """Why a ZIP is not read as an .xlsx."""
    if kind := find_zip_kind(archive):
        return kind
    if "xl/workbook.xml" not in archive.namelist():
        return Kind(
            "a ZIP archive",
            "set `format` to what lies in it, e.g. `format: csv`, or deliver the workbook itself",
        )
    return None
