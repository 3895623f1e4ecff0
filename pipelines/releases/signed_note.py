"""Signed notes: a text and an Ed25519 signature as one small text file (the formats signed-note and tlog-checkpoint
of C2SP, https://c2sp.org), which others' tools read too.

A key comes as PEM, as base64 of it, or as the 32 bytes in base64; of a public key also as `name+hash+base64`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from pipelines.plain_files import read_plain_text

ED25519 = b"\x01"
KEY_BYTES, KEY_ID_BYTES = 32, 4
# More is no note of ours, and is not read.
LONGEST = 1_000_000
SIGNATURE = re.compile(r"— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/]+=*)")
VERIFIER = re.compile(r"[^\s+]+\+[0-9a-f]{8}\+(?P<key>[A-Za-z0-9+/]+=*)")


class WrongKey(ValueError):
    """No Ed25519 key; the text repeats nothing of it."""


class WrongNote(ValueError):
    """No signed note, or not signed by this key."""


class Checkpoint(NamedTuple):
    """`size`: links of the chain; `head`: the hash of the last one, hexadecimal; `notes`: further lines."""

    origin: str
    size: int
    head: str
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        if any("\n" in line or not line for line in (self.origin, *self.notes)):
            raise WrongNote(
                "a line of it is none"
            )  # what follows a line end would be signed as something else
        root = base64.b64encode(bytes.fromhex(self.head)).decode()
        return "".join(f"{line}\n" for line in (self.origin, str(self.size), root, *self.notes))


def read_private_key(text: str) -> Ed25519PrivateKey:
    """WrongKey where it is none."""
    content = _decode(text)
    try:
        if len(content) == KEY_BYTES:
            return Ed25519PrivateKey.from_private_bytes(content)
        load = load_pem_private_key if content.startswith(b"-----BEGIN") else load_der_private_key
        key = load(content, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise WrongKey(
            "it is no Ed25519 private key: PEM, or its base64 in one line (docs/audit.md says how)"
        )
    return key


def read_public_key(text: str) -> Ed25519PublicKey:
    """`text`: the key, or a file that holds it. WrongKey where it is none."""
    if len(text) < 1000 and "\n" not in text and Path(text).is_file():
        try:
            text = read_plain_text(Path(text), LONGEST)
        except (OSError, ValueError):
            text = ""
    verifier = VERIFIER.fullmatch(text.strip())
    content = _decode(verifier["key"])[1:] if verifier else _decode(text)
    try:
        if len(content) == KEY_BYTES:
            return Ed25519PublicKey.from_public_bytes(content)
        load = load_pem_public_key if content.startswith(b"-----BEGIN") else load_der_public_key
        key = load(content)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise WrongKey("it is no Ed25519 public key: PEM, its base64, or the file that holds it")
    return key


def _decode(text: str) -> bytes:
    """PEM as it is, also with `\\n` for its line ends; base64 decoded, of PEM too."""
    text = text.strip().replace("\\n", "\n")
    if text.startswith("-----BEGIN"):
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def write_verifier(name: str, key: Ed25519PublicKey) -> str:
    """The public key as other tools take it: `name+hash+base64`."""
    encoded = base64.b64encode(ED25519 + key.public_bytes_raw()).decode()
    return f"{name}+{_find_key_id(name, key).hex()}+{encoded}"


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """`text` ends with a line end and holds no empty line; `name` has neither space nor plus."""
    if not re.fullmatch(r"[^\s+]+", name) or not text.endswith("\n") or "\n\n" in text:
        raise WrongNote("its name or its text would be read as another")
    signature = _find_key_id(name, key.public_key()) + key.sign(text.encode())
    return f"{text}\n— {name} {base64.b64encode(signature).decode()}\n"


def open_note(note: str, key: Ed25519PublicKey) -> str:
    """The text of a note that this key signed; WrongNote where it did not, or where there is no note."""
    text, is_note, signatures = note.rpartition("\n\n")
    if not is_note or len(note) > LONGEST or not signatures.endswith("\n"):
        raise WrongNote("it is no signed note")
    text += "\n"
    lines = [SIGNATURE.fullmatch(line) for line in signatures.splitlines()]
    if not all(lines):
        raise WrongNote("a line of its signatures is none")
    for line in lines:
        assert line is not None
        content = _decode(line["signature"])
        # A signature of another key is a witness's, and says nothing here.
        if content[:KEY_ID_BYTES] == _find_key_id(line["name"], key):
            try:
                key.verify(content[KEY_ID_BYTES:], text.encode())
            except InvalidSignature:
                raise WrongNote("its signature does not fit its text: it was edited") from None
            return text
    raise WrongNote("it is not signed by this key")


def _find_key_id(name: str, key: Ed25519PublicKey) -> bytes:
    digest = hashlib.sha256(f"{name}\n".encode() + ED25519 + key.public_bytes_raw())
    return digest.digest()[:KEY_ID_BYTES]


def read_checkpoint(text: str) -> Checkpoint:
    """The text of a note as a checkpoint; WrongNote where it is none."""
    lines = text.split("\n")[:-1]
    try:
        origin, size, root, *notes = lines
        head = base64.b64decode(root, validate=True)
        if (
            not origin
            or not re.fullmatch(r"0|[1-9][0-9]{0,17}", size)
            or len(head) != hashlib.sha256().digest_size
        ):
            raise ValueError
    except (ValueError, binascii.Error):
        raise WrongNote("it is a note, but no checkpoint") from None
    return Checkpoint(origin, int(size), head.hex(), tuple(notes))
