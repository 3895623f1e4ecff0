"""What `verify` can find wrong: a kind for programs, a sentence for people, and what to do next."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, get_args

# What docs/audit.md explains one by one; the last three are `--rebuild`'s.
Kind = Literal[
    "edited_file", "missing_file", "edited_catalogue", "unreadable_content", "head_differs",
    "foreign_snapshot", "foreign_table", "foreign_view", "foreign_macro", "foreign_schema",
    "foreign_setting", "inlined_rows", "edited_ledger", "ledger_unreadable", "dropped_release",
    "lost_contents", "edited_batch", "missing_batch", "edited_sidecar", "edited_withdrawal", "edited_rows",
    "edited_report", "missing_report", "clock_ahead", "edited_export", "foreign_export",
    "edited_export_ledger", "unproven_export",
    "unknown_head", "bad_checkpoint", "not_reproduced", "not_rebuilt", "other_code",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

HEAL = (
    "copy the data directory as evidence; put the lake's folder back from backup, or run `thongsuot releases "
    "heal --reason WHY`, which builds from the received data and takes over nothing of what was written here"
)
BACKUP = (
    "copy the data directory as evidence and put the lake's folder back from backup; find out who wrote to it. "
    "Nothing inside the system can stand in for its ledger"
)
LANDING = "put the file back from backup, or pull the day again (`thongsuot run --again --partition DAY`)"
REVALIDATE = (
    "copy it as evidence, then validate the day again from its batch (`thongsuot run --revalidate --partition DAY`): "
    "rows made anew from the batch count, never those that were found"
)
NEXT: dict[Kind, str] = {
    "edited_file": HEAL,
    "missing_file": HEAL,
    "edited_catalogue": HEAL,
    "unreadable_content": HEAL,
    "head_differs": HEAL,
    "foreign_snapshot": HEAL,
    "foreign_table": HEAL,
    "foreign_view": HEAL,
    "foreign_macro": HEAL,
    "foreign_schema": HEAL,
    "foreign_setting": HEAL,
    "inlined_rows": HEAL,
    "edited_ledger": BACKUP,
    "ledger_unreadable": BACKUP,
    "dropped_release": BACKUP,
    "lost_contents": BACKUP,
    "edited_batch": LANDING,
    "missing_batch": LANDING,
    "edited_sidecar": LANDING,
    "edited_withdrawal": "put the folder landing/_withdrawals back from backup; ask who withdrew what",
    "unknown_head": "compare with the backup of the day the head was noted; until then believe no number since",
    "edited_rows": REVALIDATE,
    "edited_report": REVALIDATE,
    "missing_report": REVALIDATE,
    "edited_export": (
        "run `thongsuot run`: it sets the file aside as evidence (under set_aside/) and writes it anew; where its line "
        "in the ledger was forged with it, move the file out of exports/ first. Tell those who read it. A package of "
        "an older release comes back from backup only"
    ),
    "foreign_export": (
        "find out who put it there, copy it as evidence and take it out of exports/: readers hold it for a release's"
    ),
    "unproven_export": (
        "run `thongsuot run`: after an upgrade, or a change of sources.yaml or of THONGSUOT_EXPORTS, it writes the "
        "pages anew; a package of open data stays as it is until the next release"
    ),
    "edited_export_ledger": (
        "put lake/exports.jsonl back from backup; until then trust the lake, not the exports. Where a lost disk was "
        "restored beside its lake: docs/operations.md#the-exports-of-a-lost-disk"
    ),
    "clock_ahead": (
        "set the machine's clock right, then pull the day again (`thongsuot run --again --partition DAY`): the new "
        "batch counts, whatever the clock said before"
    ),
    "bad_checkpoint": "get the note again from whoever keeps it, and the public key by another way than the note",
    "not_reproduced": "compare with `thongsuot releases diff` and `thongsuot trace`; ask who published it",
    "not_rebuilt": "mend what the message names, then rebuild again",
    "other_code": "check out the release's commit (`thongsuot releases show N`), then rebuild again",
}


class Finding(NamedTuple):
    """`kind` for programs, `text` for people; `table`: the one a file belongs to.

    `releases`: those whose contents are not what they were, as far as the finding tells.
    """

    kind: Kind
    text: str
    table: str = ""
    releases: frozenset[int] = frozenset()

    @property
    def next_step(self) -> str:
        day = re.search(r"\d{4}-\d{2}-\d{2}", self.text)
        return NEXT[self.kind].replace("DAY", day[0]) if day else NEXT[self.kind]


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
