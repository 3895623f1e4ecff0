"""Verify: every release still says what it said, byte by byte and row by row; each fault by its own name.

Read-only. What cannot be seen from inside, a ledger rewritten from some release on with all its
hashes, is seen by whoever noted a chain head outside: `verify` prints it and takes it back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import duckdb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipelines.lake import catalogue as lake
from pipelines.lake import chain as links
from pipelines.lake import inputs, ledger
from pipelines.lake.location import find_lost_server
from pipelines.plain_files import TooDeep
from pipelines.releases.checkpoints import check_checkpoints, find_public_key
from pipelines.releases.findings import Finding, first_line
from pipelines.releases.verify_chain import check_chain, check_labels, check_noted_head
from pipelines.releases.verify_contents import check_contents, check_files
from pipelines.releases.verify_exports import check_exports
from pipelines.releases.verify_head import check_foreign, check_head, check_states
from pipelines.releases.verify_landing import check_landing, check_withdrawals, read_published
from pipelines.releases.verify_quality import check_quality
from pipelines.settings import Settings

# What a connection that breaks off would be told as.
UNREAD = ("ledger_unreadable", "unreadable_content", "head_differs", "missing_file")


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what was found wrong; `head`: the hash of the chain's newest link.

    `since`: the links made after the head that was noted outside, in words.
    """

    head: str
    since: list[str]
    releases: int
    kept: int
    pruned: int
    files: int
    batches: int
    findings: list[Finding]


def verify_releases(
    settings: Settings,
    *,
    expected_head: str | None = None,
    public_key: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Verification:
    """Check ledger, catalogue, files, contents and landing; FileNotFoundError where there is no lake, LakeUnreachable
    where its servers do not answer.

    `public_key`: that of the signed notes by the lake, by default the one of the key that is set. WrongKey where it
    is none.
    """
    key = find_public_key(settings, public_key)
    verification = _try_to_verify(settings, expected_head, key, progress)
    if settings.lake_servers is not None and any(f.kind in UNREAD for f in verification.findings):
        # A server that went away, and may be back, is no damage of the lake.
        if lost := find_lost_server(settings):
            raise lost
        return _try_to_verify(settings, expected_head, key, progress)
    return verification


def _try_to_verify(
    settings: Settings,
    expected_head: str | None,
    key: Ed25519PublicKey | None,
    progress: Callable[[str], None],
) -> Verification:
    try:
        return _verify(settings, expected_head, key, progress)
    except TooDeep as error:
        return _report_unreadable(str(error.strerror))
    except (duckdb.Error, sqlite3.Error, UnicodeDecodeError) as error:
        return _report_unreadable(f"the catalogue cannot be read: {first_line(error)}")


def _report_unreadable(text: str) -> Verification:
    return Verification("", [], 0, 0, 0, 0, 0, [Finding("ledger_unreadable", text)])


def _verify(
    settings: Settings,
    expected_head: str | None,
    key: Ed25519PublicKey | None,
    progress: Callable[[str], None],
) -> Verification:
    with lake.open_lake(settings) as con:
        con.execute("begin")  # one state of the lake, and its catalogue read once
        try:
            chain, events = ledger.list_releases(con), links.list_events(con)
            findings = [*check_chain(con, chain, events), *check_noted_head(chain, events, expected_head)]
        except duckdb.Error as error:
            return _report_unreadable(f"the ledger cannot be read: {first_line(error)}")
        pruned = [event for event in events if isinstance(event, links.Prune)]
        kept = ledger.list_kept(con, chain)
        findings += check_labels(con, chain, {prune.release_id for prune in pruned})
        findings += check_checkpoints(settings, chain, events, key)
        foreign = list(check_foreign(con, chain))
        findings += foreign
        progress("files")
        table_files, faults = check_files(con, settings, kept)
        findings += faults
        spoilt = {fault.table for fault in faults}
        progress("the newest release")
        findings += check_head(con, [r for r in kept if r == chain[-1]], spoilt)
        earlier = [release for release in kept if release != chain[-1]]
        findings += check_contents(con, earlier, table_files, spoilt, progress, is_clean=not foreign)
        faulty = {number for finding in findings for number in finding.releases}
        sound = [release for release in kept if release.release_id not in faulty]
        findings += check_states(con, chain, sound, is_clean=not foreign)
        progress("exports")
        findings += check_exports(con, settings, chain)
        progress("landing")
        batches = inputs.list_inputs(con, chain[-1].release_id) if chain else []
        published = read_published(con) if batches and "audit.batches" not in spoilt else {}
        findings += check_landing(settings, batches, published)
        if "audit.withdrawals" not in spoilt:
            findings += check_withdrawals(con, settings)
        progress("quality")
        recorded = inputs.list_quality(con, chain[-1].release_id) if chain else []
        findings += check_quality(
            settings, recorded, [f.text for f in findings if f.kind == "edited_sidecar"]
        )
    in_order = links.order_links(chain, events)
    return Verification(
        head=links.find_head(chain, events) if in_order else "",
        since=_describe_since(in_order, expected_head),
        releases=len(chain),
        kept=len(kept),
        pruned=len(pruned),
        files=len({path for paths in table_files.values() for path in paths}),
        batches=len(batches),
        findings=findings,
    )


def _describe_since(in_order: list[links.Link], expected_head: str | None) -> list[str]:
    """The links after the one whose hash was noted outside, in words; none where it is not there."""
    hashes = [links.link_hash(link) for link in in_order]
    if expected_head not in hashes:
        return []
    return [links.describe_link(link) for link in in_order[hashes.index(expected_head) + 1 :]]
