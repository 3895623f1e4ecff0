"""What is said of a lake's servers: nothing is known of the lake itself, and nothing was published."""

from __future__ import annotations

import re

from pipelines.masking import mask_secrets

CODE = re.compile(r"[A-Z]\w+: ")


class OtherWriter(RuntimeError):
    """Another machine, or another data directory, writes to the same catalogue for longer than anyone should wait."""

    def __init__(self, place: str, writer: str, seconds: float) -> None:
        super().__init__(
            f"Waited {seconds:.0f} s: {place} is being written to by {writer}, and a lake has one writer. "
            "Nothing was published; wait for it, and let only one installation name this catalogue."
        )


class ServerUnreachable(ConnectionError):
    """A server that the settings name does not answer, or does not let us in."""

    outcome = "does not answer, or lets nobody in"

    def __init__(self, place: str, error: Exception) -> None:
        lines = [line for line in mask_secrets(str(error)).splitlines() if line.strip()]
        # A store's own word for it, such as `RequestTimeTooSkewed: …`, follows what DuckDB says.
        reason = "; ".join([*lines[:1], *(line for line in lines[1:2] if CODE.match(line))])
        super().__init__(f"{place} {self.outcome}: {reason}. `thongsuot doctor` tries it again.")


class LakeUnreachable(ServerUnreachable):
    """A server of the lake: nothing is known of the lake itself."""


class LakeReadOnly(LakeUnreachable):
    """The role, or the key, may read and not write."""

    outcome = "lets this role or key read, and not write"
