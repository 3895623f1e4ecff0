"""Compressed files and archives: read by their bytes, stopped where they are broken, hostile or bombs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import pyarrow as pa
import pytest

from pipelines.settings import Settings
from pipelines.sources.errors import PermanentSourceError
from tests.unit.files_support import READ, TEXT, landed, pairs, put, rows, source


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def test_a_workbook_read_as_csv_is_told_to_be_one(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", zipped(**{"[Content_Types].xml": "<?xml", "xl/workbook.xml": "<?xml"}))
    with pytest.raises(PermanentSourceError, match=r"it is a workbook, .*set `format: xlsx`"):
        landed(settings, source())


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(TEXT.encode()),
        bz2.compress(TEXT.encode()),
        lzma.compress(TEXT.encode()),
        pa.compress(TEXT.encode(), codec="zstd", asbytes=True),
        zipped(**{"export.csv": TEXT, "__MACOSX/._export.csv": "x"}),
        gzip.compress(TEXT.encode()[:20]) + gzip.compress(TEXT.encode()[20:]),
        bz2.compress(TEXT.encode()[:20]) + bz2.compress(TEXT.encode()[20:]),
        lzma.compress(TEXT.encode()[:20]) + bytes(8) + lzma.compress(TEXT.encode()[20:]) + bytes(4),
    ],
    ids=["gz", "bz2", "xz", "zst", "zip", "gz in two", "bz2 in two", "xz in two"],
)
def test_compressed_files_are_read_by_their_bytes_whatever_their_name(
    settings: Settings, packed: bytes
) -> None:
    put(settings, "2025-08-06.csv", packed)
    assert pairs(settings, source()) == READ


def test_compressed_and_otherwise_encoded_at_once(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", gzip.compress(TEXT.encode("utf-16")))
    assert pairs(settings, source(encoding="utf-16")) == READ


def test_all_members_of_an_archive_make_one_batch_and_each_row_knows_its_file(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", zipped(**{"a.csv": TEXT, "b.csv": "Nội dung;Mã\nHuế;3\n"}))
    one = source(
        columns=(
            {"name": "code", "raw": "Mã", "required": True},
            {"name": "note", "raw": "Nội dung"},
            {"name": "file", "raw": "_file"},
        )
    )
    assert [tuple(r.values()) for r in rows(settings, one)] == [
        ("1", "Nghệ An", "2025-08-06.csv!a.csv"),
        ("2", "Vinh", "2025-08-06.csv!a.csv"),
        ("3", "Huế", "2025-08-06.csv!b.csv"),
    ]


def test_only_the_members_that_fit_are_read(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", zipped(**{"a.csv": TEXT, "doc.txt": "hello"}))
    assert pairs(settings, source(members="*.csv")) == READ
    with pytest.raises(PermanentSourceError, match=r"no member fits `members: \*.xml`; found 'a.csv'"):
        landed(settings, source(members="*.xml"))


@pytest.mark.parametrize("cut", [0.5, 0.95])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_a_compressed_file_cut_short_is_refused(settings: Settings, pack: object, cut: float) -> None:
    lines = "".join(f"{number};{hash(str(number))}\n" for number in range(20_000))
    packed = pack(("Mã;Nội dung\n" + lines).encode())  # type: ignore[operator]
    put(settings, "2025-08-06.csv", packed[: int(len(packed) * cut)])
    with pytest.raises(PermanentSourceError, match=r"cut short|cannot be unpacked"):
        landed(settings, source())
    assert not list(settings.landing.rglob("*.parquet"))


@pytest.mark.parametrize("damage", ["first byte", "middle", "end", "another kind"])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_a_damaged_second_stream_is_refused_and_not_taken_for_the_end(
    settings: Settings, pack: object, damage: str
) -> None:
    """As `cat one.bz2 two.bz2` makes it: the first half is whole, and would pass for the file."""
    half = len(TEXT.encode()) // 2
    first, second = (pack(piece) for piece in (TEXT.encode()[:half], TEXT.encode()[half:]))  # type: ignore[operator]
    middle = len(second) // 2
    second = {
        "first byte": bytes([second[0] ^ 1]) + second[1:],
        "middle": second[:middle] + bytes([second[middle] ^ 255]) + second[middle + 1 :],
        "end": second[:-3],
        "another kind": b"<html>",
    }[damage]
    put(settings, "2025-08-06.csv", first + second)
    with pytest.raises(PermanentSourceError, match=r"cut short|cannot be unpacked"):
        landed(settings, source())


@pytest.mark.parametrize(
    "pack", [gzip.compress, lambda b: zipped(**{"a.csv": b.decode()})], ids=["gz", "zip"]
)
def test_a_bomb_is_stopped_at_its_ratio_and_at_its_size(settings: Settings, pack: object) -> None:
    put(settings, "2025-08-06.csv", pack(b"Ma;b\n" + b"1;aaaaaaaaaaaaaa\n" * 5_000_000))  # type: ignore[operator]
    plain = {"columns": ({"name": "code", "raw": "Ma"},)}
    with pytest.raises(PermanentSourceError, match=r"times its size.*a bomb"):
        landed(settings, source(**plain))
    with pytest.raises(PermanentSourceError, match="10 MiB allowed"):
        landed(settings, source(**plain, limits={"unpacked_mb": 10}))


@pytest.mark.parametrize("name", ["../../etc/passwd.csv", "/etc/x.csv", "C:\\x.csv", "a/../../x.csv"])
def test_a_member_that_points_outside_its_archive_is_hostile(settings: Settings, name: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, TEXT)
    put(settings, "2025-08-06.csv", buffer.getvalue())
    with pytest.raises(PermanentSourceError, match="points outside the archive: hostile"):
        landed(settings, source())


def test_an_archive_in_an_archive_is_not_opened(settings: Settings) -> None:
    inner = zipped(**{"a.csv": TEXT})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inner.zip", inner)
    put(settings, "2025-08-06.csv", buffer.getvalue())
    with pytest.raises(PermanentSourceError, match="compressed once more"):
        landed(settings, source())
