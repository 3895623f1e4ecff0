"""What `verify` can find wrong: a kind for programs, a sentence for people."""

from __future__ import annotations

from typing import Literal, NamedTuple

# What docs/audit.md explains one by one; the last three are `--rebuild`'s.
Kind = Literal[
    "edited_file", "missing_file", "edited_catalogue", "unreadable_content", "edited_ledger",
    "ledger_unreadable", "dropped_release", "lost_contents", "edited_batch", "missing_batch",
    "edited_sidecar", "edited_withdrawal", "unknown_head", "not_reproduced", "not_rebuilt", "other_code",
]  # fmt: skip


class Finding(NamedTuple):
    """`kind` for programs, `text` for people; `table`: the one a file belongs to."""

    kind: Kind
    text: str
    table: str = ""


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
