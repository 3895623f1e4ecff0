"""The client of a receiver of lineage, and what its variables and its file hold that nothing may repeat."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

from pipelines.masking import SECRET_NAME, register_secret

PREFIX = "OPENLINEAGE"
# Seconds to connect and to be answered: a run waits for both at its start and at its end.
PATIENCE = (2.0, 5.0)
# A second try to connect; what may have been taken is not sent twice.
TRIES = {"total": 1, "connect": 1, "read": 0}
PRODUCER = "https://openlineage.io/docs/client/python#thongsuot"


@cache
def open_client() -> Any:
    """One per process. ImportError where the extra is not installed."""
    for name, value in os.environ.items():
        if name.startswith(PREFIX):
            _register(name.rpartition("__")[2], value)
    from openlineage.client import OpenLineageClient, set_producer

    set_producer(PRODUCER)
    client = OpenLineageClient()
    _register("", client.config.transport)  # also what stands in its file
    _limit_waiting(client)
    # It would tell the address of the repository, which may hold a password.
    client.config.facets.source_code_location.disabled = True
    return client


def _limit_waiting(client: Any) -> None:
    """Of the package's own five retries each takes as long as the first where packets are dropped: half a minute.

    What the receiver's settings say of it stays.
    """
    from openlineage.client.transport.http import HttpTransport

    transport: Any = client.transport
    settings = client.config.transport or {}
    if not isinstance(client.transport, HttpTransport):
        return
    if "timeout" not in settings:
        transport.timeout = PATIENCE
    if "retry" not in settings:
        transport.config.retry = {**transport.config.retry, **TRIES}


def _register(name: str, value: Any) -> None:
    """What is secret in a value of the receiver's settings, at any depth. `name`: how it is called there."""
    if isinstance(value, str):
        value = _read_json(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            _register(str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            _register(name, inner)
    elif "://" in (text := str(value)) or SECRET_NAME.search(name):
        register_secret(text)
    elif name.lower().endswith("endpoint"):
        register_secret(f"http://x/{text}")  # the rest of an address


def _read_json(text: str) -> Any:
    """What the package reads where a variable holds more than a word; else the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict | list | str) else text
