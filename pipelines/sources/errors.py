"""What can go wrong while pulling: what is worth another try, and what is not.

The text of each is stored and printed: what looks personal in it (a header, a file's name) is removed here, and
what a terminal would obey (a parser repeats bytes of the file) is shown as U+FFFD.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.masking import make_printable, mask_secrets
from pipelines.privacy.redaction import redact_text


class SourceError(RuntimeError):
    """A pull failed; the text names source, partition and what to do. Retried with backoff.

    Whatever a driver or server repeated in it, no secret and nothing personal stands there.
    """

    def __init__(self, text: str) -> None:
        super().__init__(redact_text(make_printable(mask_secrets(text))))


class PermanentSourceError(SourceError):
    """Trying again cannot help: bad credentials, a missing column, a file of another shape."""


class FileRefused(PermanentSourceError):
    """One file cannot be read or mapped; `path` and `sha256` tell which, where one alone is at fault."""

    def __init__(self, text: str, path: Path | None, sha256: str = "") -> None:
        super().__init__(text)
        self.path, self.sha256 = path, sha256


class NotProvided(SourceError):
    """The source offers nothing for this partition; recorded as missing, never as zero."""


class Unchanged(SourceError):
    """The source says that what was landed for this partition is still the whole truth."""
