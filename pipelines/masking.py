"""Secrets of the environment: registered once where they are read, masked in whatever is stored or printed.

A message of a driver, a server that echoes a header, a traceback: nobody can list who repeats a secret, so it is
masked on the way out, also as it stands in an address, in JSON or in a base64 header. What a terminal would obey
instead of showing it is made visible on the same way.
"""

from __future__ import annotations

import atexit
import base64
import html
import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TextIO
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

MASK = "***"
# Shorter ones, and ports, would be masked in half of all sentences; nothing guards a thing with three characters.
SHORTEST, SHORTEST_NUMBER = 4, 6
# Parts of a path that are no words: a token is at least so long.
PATH_TOKEN = 16
# Of a key of many lines each one, but its first and last, is a secret by itself.
KEY_LINE = 16
# Longer ones are looked for as they are, not also broken over lines.
LONGEST_BROKEN = 200
# A line that was wrapped, in a table or a quotation too.
BREAK = r"(?:[ \t]*(?:[│|][ \t]*)?\r?\n[ \t]*(?:[│|>][ \t]*)?)?"
SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|sig|auth", re.IGNORECASE)


@dataclass
class Registry:
    """What this process read from its environment: every form of every secret, and their variables' names.

    `by_first_sign`: the forms again, by how they begin.
    """

    forms: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    pattern: re.Pattern[str] | None = None
    broken_pattern: re.Pattern[str] | None = None
    by_first_sign: dict[str, list[str]] = field(default_factory=dict)
    longest: int = 0


REGISTRY = Registry()


def register_secret(value: str, name: str | None = None) -> None:
    """Mask `value` from now on; of an address, what is secret in it. `name`: of its environment variable."""
    if name:
        REGISTRY.names.add(name)
    new = {form for part in _list_secret_parts(value) for form in _list_forms(part)} - REGISTRY.forms
    if new:
        REGISTRY.forms.update(new)
        for form in new:
            REGISTRY.by_first_sign.setdefault(form[0], []).append(form)
        REGISTRY.longest = max(map(len, REGISTRY.forms))
        # The longest first: a part must not leave the rest of the whole.
        longest_first = sorted(REGISTRY.forms, key=len, reverse=True)
        REGISTRY.pattern = re.compile("|".join(map(re.escape, longest_first)))
        breakable = [form for form in longest_first if 2 * SHORTEST <= len(form) <= LONGEST_BROKEN]
        first_signs = "".join(sorted({re.escape(form[0]) for form in breakable}))
        REGISTRY.broken_pattern = (
            re.compile(
                f"(?=[{first_signs}])(?:{'|'.join(BREAK.join(map(re.escape, form)) for form in breakable)})"
            )
            if breakable
            else None
        )


def has_secrets() -> bool:
    """Whether this process read any."""
    return REGISTRY.pattern is not None


def forget_secrets() -> None:
    """For tests: what one of them called a secret is a word in the next."""
    REGISTRY.__init__()  # type: ignore[misc]


def mask_secrets(text: str) -> str:
    """The text with every registered secret replaced."""
    if REGISTRY.pattern is None:
        return text
    text = REGISTRY.pattern.sub(MASK, text)
    if REGISTRY.broken_pattern is not None and "\n" in text.strip("\n"):
        text = REGISTRY.broken_pattern.sub(MASK, text)
    return text


def mask_values(value: Any) -> Any:
    """Texts of any depth masked; names of fields stay."""
    if isinstance(value, str):
        return mask_secrets(value)
    if isinstance(value, Mapping):
        return {key: mask_values(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(mask_values(inner) for inner in value)
    return value


def make_printable(text: str) -> str:
    """The text as a terminal may get it: what would move its cursor, or turn the line round, is shown as U+FFFD.

    Line feeds and tabs stay.
    """
    if text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" or not _is_command(c) else "\ufffd" for c in text)


def list_public_variables(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without registered secrets: for children that read foreign files and need none."""
    environment = os.environ if environment is None else environment
    return {
        name: value
        for name, value in environment.items()
        if name not in REGISTRY.names and not name.endswith(("_PASSWORD", "_SECRET", "_TOKEN", "_KEY"))
        and mask_secrets(value) == value
    }  # fmt: skip


def mask_output() -> None:
    """Standard output and error of this process pass through `mask_secrets`; harmless when repeated."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, MaskedStream):
            masked = MaskedStream(stream)
            setattr(sys, name, masked)
            atexit.register(masked.release)


class MaskedStream:
    """A text stream that masks what is written to it; everything else is the stream's own.

    What may be the beginning of a secret waits for the next write, so that one which comes in pieces is masked too.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting = ""

    def write(self, text: str) -> int:
        whole = self._waiting + text
        place = find_possible_secret(whole)
        self._waiting = whole[place:]
        if place:
            self._stream.write(mask_secrets(whole[:place]))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def release(self) -> None:
        """Nothing more comes: what waits was a word like others, or so much of a secret that it is masked."""
        waiting, self._waiting = mask_secrets(self._waiting), ""
        with suppress(OSError, ValueError):  # the other end, or the stream, is closed
            self._stream.write(waiting if len(waiting) < 2 * SHORTEST else MASK)
            self._stream.flush()

    def close(self) -> None:
        self.release()
        self._stream.close()

    @property
    def buffer(self) -> MaskedBytes:
        """Where bytes go: past the text, but not past the mask."""
        return MaskedBytes(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class MaskedBytes:
    """The bytes of a masked stream; what is no UTF-8 passes as it is."""

    def __init__(self, text: MaskedStream) -> None:
        self._text, self._bytes = text, text._stream.buffer

    def write(self, content: bytes) -> int:
        words = bytes(content).decode("utf-8", "surrogateescape")
        self._text._stream.flush()
        self._bytes.write(mask_secrets(words).encode("utf-8", "surrogateescape"))
        return len(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bytes, name)


def find_possible_secret(text: str) -> int:
    """Where the end of the text begins that may go on as a secret; its length where nothing of it can.

    A secret that is whole already is not cut in two.
    """
    for place in range(max(0, len(text) - REGISTRY.longest + 1), len(text)):
        end = text[place:]
        if any(
            len(form) > len(end) and form.startswith(end)
            for form in REGISTRY.by_first_sign.get(text[place], ())
        ):
            assert REGISTRY.pattern is not None
            return next(
                (m.start() for m in REGISTRY.pattern.finditer(text) if m.start() < place < m.end()), place
            )
    return len(text)


def _is_command(character: str) -> bool:
    """Control characters (C0, C1), and those that turn the direction of what follows."""
    return (
        unicodedata.category(character) == "Cc"
        or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


def _list_secret_parts(value: str) -> list[str]:
    """The value itself, and each line of a key; of an address its password, what a query calls a secret, and tokens
    in its path or in place of a login's name."""
    if "://" not in value:
        return [value, *_list_key_lines(value)]
    try:
        parts = urlsplit(value)
    except ValueError:
        return [value]
    login = parts.netloc.rpartition("@")[0]
    # A password that is not encoded may hold any of :/?#@, and then the parts are others than they seem.
    raw_login = re.match(r"[^:/]+://[^/@:]*:(.*)@", value)
    user, _, password = login.partition(":")
    secrets = [password] + ([raw_login[1]] if raw_login else [])
    secrets += [text for name, text in parse_qsl(parts.query) if SECRET_NAME.search(name)]
    if parts.scheme in ("http", "https"):
        # Who needs no password, or one that means nothing, logs in with a token for a name; a short one without a
        # digit is a word, and a word would be masked in half of all sentences.
        is_word = not any(map(str.isdigit, unquote(user)))
        secrets += [user] if len(user) >= PATH_TOKEN or not (password or is_word) else []
        secrets += [part for part in parts.path.split("/") if len(part) >= PATH_TOKEN]
    return [form for secret in secrets for form in (secret, unquote(secret))]


def _list_key_lines(value: str) -> list[str]:
    """Of a key in PEM, also one that is itself in base64."""
    try:
        decoded = base64.b64decode(value, validate=True).decode()
    except ValueError:
        decoded = ""
    lines = [line.strip() for text in (value, decoded) if "\n" in text for line in text.split("\n")]
    return [line for line in lines if len(line) >= KEY_LINE and not line.startswith("-----")]


def _list_forms(secret: str) -> set[str]:
    """As it may stand in a text: plain, in an address, in JSON, in HTML, as bytes, in a header in base64."""
    if len(secret) < (SHORTEST_NUMBER if secret.isdigit() else SHORTEST):
        return set()
    forms: set[str] = set()
    # A name of a file, or a text from another system, has its accents apart.
    for text in {secret, unicodedata.normalize("NFC", secret), unicodedata.normalize("NFD", secret)}:
        raw = text.encode("utf-8", "surrogateescape")
        quoted = {quote(raw, safe=""), quote(raw), quote_plus(raw), "".join(f"%{byte:02X}" for byte in raw)}
        quoted |= {re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), form) for form in quoted}
        in_json = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
        escaped = in_json | {json.dumps(form)[1:-1] for form in in_json} | {repr(text)[1:-1], repr(raw)[2:-1]}
        forms |= {text, html.escape(text), raw.hex()} | quoted | escaped | _list_base64(raw)
    return forms


def _list_base64(secret: bytes) -> set[str]:
    """What stays the same of its base64 wherever it stands in what is encoded (`user:secret`, say)."""
    forms = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret).decode().rstrip("=")
        # Characters that also depend on what stands before and after are left away.
        core = encoded[(0, 2, 3)[before] : len(encoded) - ((before + len(secret)) % 3 != 0)]
        if len(core) >= 8:
            forms |= {core, core.replace("+", "-").replace("/", "_")}
    return forms
