"""How a file leaves its inbox: whatever its name, into a folder of our own, over nothing that lies there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pipelines.landing.batches import hash_file
from pipelines.quality.missing_days import find_missing_days
from pipelines.settings import Settings
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.files import inbox
from tests.unit.files_support import DAY
from tests.unit.inbox_support import NOON, drop, inbox_source, land, lying

LONG = "báo cáo " + "ă" * 117 + ".csv"  # 247 bytes: a name that only an archive's prefix makes too long


def test_a_name_as_long_as_a_file_system_takes_is_landed_and_archived(settings: Settings) -> None:
    assert len(LONG.encode()) > 240
    drop(settings, LONG, "1")
    assert land(settings, inbox_source()) == ["1"]
    assert lying(settings, "inbox") == []
    (archived,) = lying(settings, "archive")
    assert archived.endswith(".csv") and len(Path(archived).name.encode()) <= 255 - len(".partial") - 1
    assert find_missing_days(inbox_source(), [DAY], settings) == []


def test_a_later_file_of_the_same_long_name_replaces_the_earlier_one(settings: Settings) -> None:
    drop(settings, LONG, "1")
    land(settings, inbox_source())
    drop(settings, LONG, "1", "2")
    assert land(settings, inbox_source()) == ["1", "2"]


@pytest.mark.parametrize("name", ["a\n\x1b[31mb.csv", "b\udcff\udcfe.csv", "c\u200b.csv", "d\u202ecsv.csv"])
def test_a_name_that_nobody_can_read_is_refused_and_set_aside_under_a_plain_one(
    settings: Settings, name: str
) -> None:
    drop(settings, name, "1")
    with pytest.raises(PermanentSourceError, match="a name with characters that are not printable") as error:
        land(settings, inbox_source())
    assert str(error.value).isprintable() and "set aside" in str(error.value)
    paths = lying(settings, "inbox")
    assert len(paths) == 2 and all(path.isprintable() for path in paths)
    assert next(reason[20:] for _, reason in inbox.list_refused(inbox_source(), settings)).startswith(
        "register: "
    )


def test_a_refused_file_called_like_the_reason_stays_what_it_is(settings: Settings) -> None:
    path = drop(settings, "reason.txt", "1")
    path.write_bytes(b"%PDF-1.7")
    os.utime(path, (NOON, NOON))
    with pytest.raises(PermanentSourceError, match="it is a PDF"):
        land(settings, inbox_source())
    (moved, reason), *others = inbox.list_refused(inbox_source(), settings)
    assert (moved.read_bytes(), others) == (b"%PDF-1.7", []) and "it is a PDF" in reason


@pytest.mark.parametrize("link", [".refused", ".refused/{sha}", "../archive", "../archive/register"])
def test_a_link_in_the_way_of_a_moved_file_is_not_followed(settings: Settings, link: str) -> None:
    path = drop(settings, "000001.json", "1")
    sha = hash_file(path)
    elsewhere = settings.data / "landing/_withdrawals"
    elsewhere.mkdir(parents=True)
    place = path.parent / link.format(sha=sha[:12])
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(elsewhere)
    with pytest.raises(OSError, match="is a link or no folder"):
        if "archive" in link:
            inbox.archive_file(inbox_source(), settings, path, sha, str(DAY))
        else:
            inbox.refuse_file(inbox_source(), settings, path, sha, "why")
    assert list(elsewhere.iterdir()) == [] and path.exists()
    (elsewhere / "x").mkdir()
    (elsewhere / "x/reason.txt").write_text("a secret")
    assert list(inbox.list_refused(inbox_source(), settings)) == []


def test_a_link_called_like_the_reason_is_replaced_and_what_it_led_to_stays(settings: Settings) -> None:
    path = drop(settings, "a.csv", "1")
    sha = hash_file(path)
    victim = settings.data / "victim"
    victim.write_text("as it was")
    folder = path.parent / ".refused" / sha[:12]
    folder.mkdir(parents=True)
    (folder / "reason.txt").symlink_to(victim)
    moved = inbox.refuse_file(inbox_source(), settings, path, sha, "why")
    assert victim.read_text() == "as it was"
    assert next(inbox.list_refused(inbox_source(), settings))[1].endswith("why") and moved.exists()


def test_between_file_systems_a_file_is_copied_whole(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    path = drop(settings, "a.csv", "1")
    content, sha = path.read_bytes(), hash_file(path)
    monkeypatch.setattr(os, "rename", refuse)
    moved = inbox.archive_file(inbox_source(), settings, path, sha, str(DAY))
    assert moved.read_bytes() == content and moved.stat().st_mtime == NOON and not path.exists()
    assert len(list(moved.parent.iterdir())) == 1


def test_nothing_in_the_archive_is_overwritten(settings: Settings) -> None:
    path = drop(settings, "a.csv", "1")
    sha = hash_file(path)
    other = settings.data / f"archive/register/2025-08-06/{sha[:12]}-a.csv"
    other.parent.mkdir(parents=True)
    other.write_text("Mã;Nội dung\nother;x\n", encoding="utf-8")
    inbox.archive_file(inbox_source(), settings, path, sha, str(DAY))
    assert "other" in other.read_text(encoding="utf-8")
    assert hash_file(settings.data / f"archive/register/2025-08-06/{sha[:24]}-a.csv") == sha
