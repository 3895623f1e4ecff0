"""Placeholders in the texts of sources.yaml: `{here}`, `{data}`, `{project}` and `${NAME}`, the secrets.

What comes out of `${NAME}` is never stored or shown.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipelines.masking import register_secret
from pipelines.settings import PROJECT
from pipelines.sources.contracts.contract_file import ContractError

# Keys that name a file or folder, and how a path that depends on no folder begins.
PATHS = ("path", "inbox", "archive")
ABSOLUTE = ("/", "{", "$")
SQLITE = re.compile(r"^(sqlite:///)(?![/{$:])")


def locate_paths(table: dict[str, Any], folder: Path) -> None:
    """In place: `{here}` in any text, and relative paths, from the folder of sources.yaml.

    Not from the shell's, which is another one for every command and schedule.
    """
    here = str(folder)
    for key, value in table.items():
        table[key] = _replace_here(value, here)
    for key in PATHS:
        text = table.get(key)
        if isinstance(text, str) and text.startswith("~"):
            table[key] = str(Path(text).expanduser())
        elif isinstance(text, str) and text and not text.startswith(ABSOLUTE):
            # Beside a pattern the folder's own brackets are none.
            table[key] = f"{glob.escape(here) if glob.has_magic(text) else here}/{text}"
    if isinstance(table.get("url"), str):
        table["url"] = SQLITE.sub(lambda match: f"{match[1]}{here}/", table["url"])


def _replace_here(value: Any, here: str) -> Any:
    if isinstance(value, str):
        return value.replace("{here}", here)
    if isinstance(value, dict):
        return {key: _replace_here(inner, here) for key, inner in value.items()}
    return [_replace_here(inner, here) for inner in value] if isinstance(value, list) else value


def fill_text(name: str, text: str, data: Path, encode: Callable[[str], str] = str) -> str:
    """ContractError where the environment lacks a NAME; `encode` is asked for each value it has."""

    def secret(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            message = f"{name}: the environment has no {match[1]}, which sources.yaml names. Set it."
            raise ContractError(message)
        register_secret(value, match[1])
        return encode(value)

    local = text.replace("{data}", str(data)).replace("{project}", str(PROJECT))
    return re.sub(r"\$\{(\w+)\}", secret, local)


def fill_address(name: str, url: str, data: Path) -> str:
    """In its login a secret stands as it is: `p@ss/w0rd` must not be taken for host and path."""
    match = re.match(r"[^:/]+://[^/]*@", url)
    login = match[0] if match else ""
    encoded = fill_text(name, login, data, encode=lambda secret: quote(secret, safe=":"))
    return encoded + fill_text(name, url.removeprefix(login), data)
