"""Why nothing was published; whatever was published before is still served."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.releases.findings import Finding

# Of many findings the first ones are named: `verify` names all.
FIRST = 5


class PublishError(RuntimeError):
    """Nothing was published; the last release is still served."""


class ReleaseOnHold(PublishError):
    """The gate holds the build: nothing was published, and the hold is on record."""


class ForeignHead(PublishError):
    """The newest state of the lake is not the newest release, and nothing else; `findings` say what it is."""

    def __init__(self, findings: Sequence[Finding], outcome: str = "nothing was published upon it") -> None:
        self.findings = findings
        super().__init__(
            f"The lake is not as the newest release left it, so {outcome}:\n"
            f"{list_first(findings)}\n`thongsuot verify` names everything. Next: {findings[0].next_step}."
        )


class HealRefused(PublishError):
    """What would be built from, or the ledger itself, is not what it was: healing would put a number on sand."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(
            f"Nothing was healed: the ledger and the received data must be whole first.\n"
            f"{list_first(findings)}\nNext: {findings[0].next_step}."
        )


def list_first(findings: Sequence[Finding]) -> str:
    lines = [f"  {finding.kind}: {finding.text}" for finding in findings[:FIRST]]
    more = [f"  … and {len(findings) - FIRST} more"] if len(findings) > FIRST else []
    return "\n".join([*lines, *more])
