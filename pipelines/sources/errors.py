"""What can go wrong while pulling: what is worth another try, and what is not.

The text of each is stored and printed: what looks personal in it (a header, a file's name) is removed here, and
what a terminal would obey (a parser repeats bytes of the file) is shown as U+FFFD.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipelines.masking import make_printable, mask_secrets
from pipelines.privacy.redaction import redact_text

# Of an error, which is stored with its run and printed.
LONGEST_TEXT = 10_000


class SourceError(RuntimeError):
    """A pull failed; the text names source, partition and what to do. Retried with backoff.

    Whatever a driver or server repeated in it, no secret and nothing personal stands there.
    """

    def __init__(self, text: str) -> None:
        # What a source repeats a million times is told once; cut last, so that no half of a secret is left.
        message = redact_text(make_printable(mask_secrets(text[: 10 * LONGEST_TEXT])))
        super().__init__(f"{message[:LONGEST_TEXT]} …" if len(message) > LONGEST_TEXT else message)


class PermanentSourceError(SourceError):
    """Trying again cannot help: bad credentials, a missing column, a file of another shape."""


class DeliveryRefused(PermanentSourceError):
    """What came for one day cannot be landed; other days of the source can."""


class FileRefused(DeliveryRefused):
    """Files cannot be read, mapped or landed; `files`: path → SHA-256 of those at fault, as far as that is clear."""

    def __init__(self, text: str, files: Mapping[Path, str]) -> None:
        super().__init__(text)
        self.files = files


class NotProvided(SourceError):
    """The source offers nothing for this partition; recorded as missing, never as zero."""


class Unchanged(SourceError):
    """The source says that what was landed for this partition is still the whole truth."""
