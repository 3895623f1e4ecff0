"""`{data}`, `{project}` and `${NAME}` in the texts of sources.yaml; what comes out is never stored or shown."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from pipelines.settings import PROJECT
from pipelines.sources.contracts.contract_file import ContractError


def fill_text(name: str, text: str, data: Path, encode: Callable[[str], str] = str) -> str:
    """ContractError where the environment lacks a NAME; `encode` is asked for each value it has."""

    def secret(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            message = f"{name}: the environment has no {match[1]}, which sources.yaml names. Set it."
            raise ContractError(message)
        return encode(value)

    local = text.replace("{data}", str(data)).replace("{project}", str(PROJECT))
    return re.sub(r"\$\{(\w+)\}", secret, local)


def fill_address(name: str, url: str, data: Path) -> str:
    """In its login a secret stands as it is: `p@ss/w0rd` must not be taken for host and path."""
    match = re.match(r"[^:/]+://[^/]*@", url)
    login = match[0] if match else ""
    encoded = fill_text(name, login, data, encode=lambda secret: quote(secret, safe=":"))
    return encoded + fill_text(name, url.removeprefix(login), data)
