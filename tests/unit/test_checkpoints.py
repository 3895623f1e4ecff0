"""Signed checkpoints: the format that others read, and a key that the lake does not have."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipelines.cli import main
from pipelines.releases.checkpoints import checkpoints_folder
from pipelines.releases.publish import PublishError, publish
from pipelines.releases.signed_note import (
    Checkpoint,
    WrongKey,
    WrongNote,
    open_note,
    read_checkpoint,
    read_private_key,
    read_public_key,
    sign_note,
    write_verifier,
)
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from tests.support.small_lake import build

# The example of golang.org/x/mod/sumdb/note.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_NOTE = GO_TEXT + (
    "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ENCODED = base64.b64encode(bytes(range(32))).decode()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_notes_are_those_of_other_tools() -> None:
    assert open_note(GO_NOTE, read_public_key(GO_KEY)) == GO_TEXT
    assert write_verifier("PeterNeumann", read_public_key(GO_KEY)) == GO_KEY


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(GO_NOTE.replace("answer", "source"), id="another text"),
        pytest.param(GO_NOTE.replace("PeterNeumann", "PeterNewman"), id="another name"),
        pytest.param(GO_NOTE.replace("ZJkuBS9", "ZJkuBS8"), id="another signature"),
        pytest.param(GO_TEXT, id="no signature"),
        pytest.param(GO_NOTE + "more\n", id="another line"),
        pytest.param(GO_NOTE + "\n— x AAAA\n", id="a text that is a note"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_the_key_did_not_sign_is_refused(note: str) -> None:
    with pytest.raises(WrongNote):
        open_note(note, read_public_key(GO_KEY))


def test_a_witness_may_sign_the_same_note_too() -> None:
    (_, signature) = sign_note(GO_TEXT, "witness", KEY).rstrip("\n").rsplit("\n", 1)
    both = GO_NOTE + signature + "\n"
    assert open_note(both, read_public_key(GO_KEY)) == open_note(both, KEY.public_key()) == GO_TEXT


def test_a_checkpoint_is_three_lines_and_what_else_is_to_be_known() -> None:
    checkpoint = Checkpoint("thongsuot/40", 7, "ab" * 32, ("release 3",))
    root = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="  # base64 of 32 bytes 0xab
    assert checkpoint.text == f"thongsuot/40\n7\n{root}\nrelease 3\n"
    assert read_checkpoint(checkpoint.text) == checkpoint
    for text in ("a\n07\nq6s=\n", "a\nb\n", f"\n7\n{root}\n", f"a\n-1\n{root}\n"):
        with pytest.raises(WrongNote):
            read_checkpoint(text)


def test_nothing_in_a_name_makes_the_key_sign_another_note() -> None:
    """The place's code is a setting: a line end in it would give the note another size and another head."""
    forged = f"thongsuot/40\n999\n{'A' * 43}="
    for origin, notes in ((forged, ()), ("thongsuot/40", (f"x\n\n— y {'A' * 43}=",)), ("", ()), ("x", ("",))):
        with pytest.raises(WrongNote):
            _ = Checkpoint(origin, 7, "ab" * 32, notes).text
    text = Checkpoint("thongsuot/40", 7, "ab" * 32).text
    for name in (forged, "thongsuot/4 0", "a+b", ""):
        with pytest.raises(WrongNote):
            sign_note(text, name, KEY)
    with pytest.raises(WrongNote):
        sign_note(f"{text}\nmore\n", "x", KEY)


def test_keys_come_from_openssl_and_a_wrong_one_is_not_repeated(tmp_path: Path) -> None:
    private, public = tmp_path / "signing.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    pem = private.read_text()
    expected = read_public_key(str(public)).public_bytes_raw()
    for text in (pem, pem.replace("\n", "\\n"), base64.b64encode(pem.encode()).decode()):
        assert read_private_key(text).public_key().public_bytes_raw() == expected
    for text in ("S3cret", "", PUBLIC, "-----BEGIN PRIVATE KEY-----\nS3cret\n-----END PRIVATE KEY-----"):
        with pytest.raises(WrongKey) as error:
            read_private_key(text)
        assert "S3cret" not in str(error.value)


def make_release(settings: Settings, number: int) -> None:
    build(settings, [("a", number)])
    publish(settings, run_id="run", author="test", reason="by hand")


def test_each_release_leaves_a_note_that_the_public_key_alone_can_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data=tmp_path / "data", signing_key=ENCODED)
    make_release(settings, 1)
    make_release(settings, 2)
    first, second = sorted(checkpoints_folder(settings).iterdir())
    assert (first.name, second.name) == ("release-000001.note", "release-000002.note")
    checkpoint = read_checkpoint(open_note(second.read_text(encoding="utf-8"), KEY.public_key()))
    verification = verify_releases(settings)
    assert (verification.findings, checkpoint.head, checkpoint.size) == ([], verification.head, 4)

    def run(note: Path, data: Path) -> tuple[int, str]:
        monkeypatch.setenv("THONGSUOT_DATA", str(data))
        result = CliRunner().invoke(main, ["verify", "--checkpoint", str(note), "--public-key", PUBLIC])
        return result.exit_code, result.output

    code, output = run(second, tmp_path / "elsewhere")
    assert code == 0 and checkpoint.head in output and "whole" not in output
    code, output = run(first, settings.data)
    assert code == 0 and "Since the head you noted: release 2, the state of release 2" in output
    forged = tmp_path / "forged.note"
    forged.write_text(first.read_text(encoding="utf-8").replace("release 1", "release 2"), encoding="utf-8")
    code, output = run(forged, tmp_path / "elsewhere")
    assert code == 1 and "bad_checkpoint" in output
    # The newest note taken away, or an older one in its place: nothing then keeps that release from being rewritten.
    kept = second.read_text(encoding="utf-8")
    for content in (None, first.read_text(encoding="utf-8")):
        second.unlink()
        if content:
            second.write_text(content, encoding="utf-8")
        [finding] = verify_releases(settings).findings
        assert finding.kind == "bad_checkpoint" and "names release 2, the newest" in finding.text
        assert verify_releases(Settings(data=settings.data)).findings == []
        second.write_text(kept, encoding="utf-8")
    # A note of a chain that this ledger does not have: rewritten, or cut short.
    other = Checkpoint("thongsuot/40", 2, "ab" * 32)
    second.write_text(sign_note(other.text, other.origin, KEY), encoding="utf-8")
    assert [f.kind for f in verify_releases(settings).findings] == ["unknown_head"]
    # A note of the right head that another key signed: by whoever rewrote the chain and has not the key.
    forger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    second.write_text(sign_note(checkpoint.text, checkpoint.origin, forger), encoding="utf-8")
    assert [f.kind for f in verify_releases(settings).findings] == ["bad_checkpoint"]
    without_key = Settings(data=settings.data)
    assert verify_releases(without_key).findings == []
    assert [f.kind for f in verify_releases(without_key, public_key=PUBLIC).findings] == ["bad_checkpoint"]
    for size in ("9" * 6000, "-1", "٣"):
        second.write_text(sign_note(f"x\n{size}\n{'A' * 43}=\n", "x", KEY), encoding="utf-8")
        assert [f.kind for f in verify_releases(without_key).findings] == ["bad_checkpoint"]
    (checkpoints_folder(settings) / "folder.note").mkdir()
    assert "bad_checkpoint" in [f.kind for f in verify_releases(without_key).findings]
    (checkpoints_folder(settings) / "folder.note").rmdir()
    second.write_text("cut", encoding="utf-8")
    assert [f.kind for f in verify_releases(settings).findings] == ["bad_checkpoint"]


def test_with_a_key_that_is_none_nothing_is_published(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", signing_key="S3cret")
    with pytest.raises(PublishError, match="THONGSUOT_SIGNING_KEY cannot be used") as error:
        make_release(settings, 1)
    assert "S3cret" not in str(error.value) and not settings.lake.exists()
