"""What can go wrong while pulling: what is worth another try, and what is not."""


class SourceError(RuntimeError):
    """A pull failed; the text names source, partition and what to do. Retried with backoff."""


class PermanentSourceError(SourceError):
    """Trying again cannot help: bad credentials, a missing column, a file of another shape."""


class NotProvided(SourceError):
    """The source offers nothing for this partition; recorded as missing, never as zero."""


class Unchanged(SourceError):
    """The source says that what was landed for this partition is still the whole truth."""
