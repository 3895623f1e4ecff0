"""Each release leaves the head of the chain as a signed note, where a key is set: to be kept by somebody else.

The key is not on the data: whoever may write the lake can rewrite all of its hashes, but sign none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC
from pathlib import Path

import duckdb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipelines.lake import chain as links
from pipelines.lake import ledger
from pipelines.landing.batches import write_text
from pipelines.releases.errors import PublishError
from pipelines.releases.findings import Finding
from pipelines.releases.signed_note import (
    LONGEST,
    Checkpoint,
    WrongKey,
    WrongNote,
    open_note,
    read_checkpoint,
    read_private_key,
    read_public_key,
    sign_note,
)
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts


def checkpoints_folder(settings: Settings) -> Path:
    return settings.lake / "checkpoints"


def check_signing_key(settings: Settings) -> None:
    """PublishError where a key is set that is none: before anything is published, not after."""
    if settings.signing_key is not None:
        try:
            read_private_key(settings.signing_key)
        except WrongKey as error:
            raise PublishError(
                f"THONGSUOT_SIGNING_KEY cannot be used: {error}. Nothing was published."
            ) from None


def leave_checkpoint(
    settings: Settings, con: duckdb.DuckDBPyConnection, origin: str | None = None
) -> Path | None:
    """The note of the newest release, written where it is not there yet; None without a key or a release.

    `origin`: whose chain it is, by default the place's.
    """
    chain = ledger.list_releases(con)
    if settings.signing_key is None or not chain:
        return None
    newest = chain[-1]
    path = checkpoints_folder(settings) / f"release-{newest.release_id:06d}.note"
    if path.exists():
        return path
    events = links.list_events(con)
    published = newest.published_at.replace(tzinfo=UTC, microsecond=0).isoformat().replace("+00:00", "Z")
    name = origin or f"thongsuot/{load_contracts(settings.sources_file).place.code}"
    checkpoint = Checkpoint(
        name,
        len(chain) + len(events),
        links.find_head(chain, events),
        (f"release {newest.release_id} as of {newest.as_of.isoformat()} published {published}",),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, sign_note(checkpoint.text, name, read_private_key(settings.signing_key)))
    return path


def open_checkpoint(path: Path, public_key: str) -> Checkpoint:
    """What a file says that this key signed: nothing else is needed. WrongNote or WrongKey where it does not hold."""
    key = read_public_key(public_key)
    try:
        return read_checkpoint(open_note(_read_note(path), key))
    except UnicodeDecodeError:
        raise WrongNote("it is no signed note") from None


def _read_note(path: Path) -> str:
    """WrongNote for what is no plain file of a note's size."""
    if not path.is_file() or path.stat().st_size > LONGEST:
        raise WrongNote("it is no signed note")
    return path.read_bytes().decode("utf-8")


def find_public_key(settings: Settings, public_key: str | None = None) -> Ed25519PublicKey | None:
    """The one given, or that of the key that this process signs with; None without either. WrongKey for a wrong one."""
    if public_key is not None:
        return read_public_key(public_key)
    return read_private_key(settings.signing_key).public_key() if settings.signing_key is not None else None


def check_checkpoints(
    settings: Settings,
    chain: Sequence[ledger.Release],
    events: Sequence[links.Event],
    key: Ed25519PublicKey | None = None,
) -> Iterator[Finding]:
    """Every note that lies by the lake names a link of the chain, at its place: a ledger cut short shows here.

    `key`: each note is also signed by it, and one of them is of the newest release: its own note is what keeps it from
    being rewritten. Without it, whoever rewrites the chain can rewrite the notes.
    """
    findings = list(_check_notes(settings, chain, events, key))
    yield from findings
    links_signed = max((checkpoint.size for checkpoint in _list_checkpoints(settings, key)), default=0)
    newest = links.order_links(chain, events).index(chain[-1]) + 1 if chain else 0
    if key is not None and not findings and links_signed < newest:
        yield Finding(
            "bad_checkpoint",
            f"no checkpoint by this key names release {chain[-1].release_id}, the newest: its note was taken away or "
            "replaced, or the release was made without the key. Compare the head of the chain with one that was kept "
            "elsewhere; the next `thongsuot run` with the key leaves a note where none lies",
        )


def _list_checkpoints(settings: Settings, key: Ed25519PublicKey | None) -> Iterator[Checkpoint]:
    """Those that can be read, signed by the key where one is given."""
    for path in sorted(checkpoints_folder(settings).glob("*.note")):
        with suppress(WrongNote, UnicodeDecodeError):
            yield _open(path, key)


def _open(path: Path, key: Ed25519PublicKey | None) -> Checkpoint:
    note = _read_note(path)
    return read_checkpoint(open_note(note, key) if key is not None else note.rpartition("\n\n")[0] + "\n")


def _check_notes(
    settings: Settings,
    chain: Sequence[ledger.Release],
    events: Sequence[links.Event],
    key: Ed25519PublicKey | None,
) -> Iterator[Finding]:
    hashes = [links.link_hash(link) for link in links.order_links(chain, events)]
    for path in sorted(checkpoints_folder(settings).glob("*.note")):
        try:
            checkpoint = _open(path, key)
        except (WrongNote, UnicodeDecodeError) as error:
            yield Finding("bad_checkpoint", f"the checkpoint {path.name} does not hold: {error}")
            continue
        if hashes[checkpoint.size - 1 : checkpoint.size] != [checkpoint.head]:
            yield Finding(
                "unknown_head",
                f"the checkpoint {path.name} names the hash {checkpoint.head[:16]}… as link {checkpoint.size}, "
                "which the chain does not have there: the ledger was rewritten or cut short",
            )
