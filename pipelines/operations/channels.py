"""Where alerts go: each address of THONGSUOT_ALERTS is a channel of its own, and one that fails hides no other.

Addresses are apprise's (mailto://, json://, tgram://, …); they hold passwords and tokens, so a channel is called
by its place and kind alone.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from pipelines.masking import mask_secrets, register_secret
from pipelines.operations.incidents import Message

VARIABLE = "THONGSUOT_ALERTS"
# A token is at least so long and holds a digit; words and names of hosts are left readable.
TOKEN = re.compile(r"(?=.*\d)[^.]{8,}|[^.]{24,}")


@dataclass(frozen=True)
class Channel:
    """`key`: the same for as long as the address is; `name`: what people may read of it."""

    name: str
    key: str
    url: str = field(repr=False)

    def send(self, message: Message) -> str | None:
        """None where the other side took it, else why not, without secrets."""
        import apprise

        with _collect_warnings() as warnings:
            target = apprise.Apprise()
            if not target.add(self.url):
                return f"{VARIABLE}: this is no address that apprise knows (mailto://…, json://…, tgram://…)"
            try:
                is_sent = target.notify(
                    body=message.body,
                    title=message.title,
                    notify_type=apprise.NotifyType(message.tone),
                    body_format=apprise.NotifyFormat.TEXT,
                )
            except Exception as error:  # one channel of a hundred kinds must not end the watch
                warnings.append(f"{type(error).__name__}: {error}")
                is_sent = False
        if is_sent:
            return None
        return mask_secrets("; ".join(dict.fromkeys(warnings)) or "the other side did not take it")[:400]


def list_channels(env: Mapping[str, str] | None = None) -> list[Channel]:
    """The addresses of the environment, with blanks or lines between; what is secret in them is masked from now on."""
    text = (os.environ if env is None else env).get(VARIABLE, "")
    channels = []
    for number, url in enumerate(text.split(), 1):
        _register_parts(url)
        scheme = url.partition("://")[0] if "://" in url else "?"
        channels.append(Channel(f"{number} ({scheme})", hashlib.sha256(url.encode()).hexdigest()[:12], url))
    return channels


def _register_parts(url: str) -> None:
    """The password and what looks like a token anywhere: services put theirs in place of host, user and path."""
    register_secret(url, VARIABLE)
    try:
        parts = urlsplit(url)
    except ValueError:
        register_secret(url.partition("://")[2])
        return
    pieces = re.split(r"[/:@?&=,]", f"{parts.netloc}/{parts.path}?{parts.query}")
    for piece in pieces:
        if TOKEN.fullmatch(unquote(piece)):
            register_secret(unquote(piece))


@contextmanager
def _collect_warnings() -> Iterator[list[str]]:
    """apprise answers yes or no; why it is no stands in its log alone."""
    texts: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(record.getMessage().strip().rstrip("."))

    logger, collector = logging.getLogger("apprise"), Collector(logging.WARNING)
    before = logger.propagate
    logger.addHandler(collector)
    logger.propagate = False
    try:
        yield texts
    finally:
        logger.removeHandler(collector)
        logger.propagate = before
