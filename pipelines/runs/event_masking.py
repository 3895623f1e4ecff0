"""Events of Dagster without secrets: an error's words, messages and metadata; what Dagster reads itself stays."""

from __future__ import annotations

import json
from typing import Any

from dagster._core.events.log import EventLogEntry
from dagster._serdes import deserialize_value, serialize_value

from pipelines.masking import has_secrets, mask_secrets, mask_values

# Of these every text is somebody's words; of the others only those fields are.
WORDS = ("SerializableErrorInfo", "UserFailureData")
MESSAGES = {"EventLogEntry": ("user_message",), "DagsterEvent": ("message",)}


def mask_event(event: EventLogEntry) -> EventLogEntry:
    """The same event where no secret stands in it; else its like with every secret replaced."""
    if not has_secrets():
        return event
    serialized = serialize_value(event)
    if mask_secrets(serialized) == serialized:
        return event
    return deserialize_value(json.dumps(_mask(json.loads(serialized))), EventLogEntry)


def _mask(value: Any) -> Any:
    if isinstance(value, list):
        return [_mask(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__", "")
    if kind in WORDS or "Metadata" in kind:
        return _mask_words(value)
    messages = MESSAGES.get(kind, ())
    return {key: mask_values(inner) if key in messages else _mask(inner) for key, inner in value.items()}


def _mask_words(value: Any) -> Any:
    """Every text but those that name a class of Dagster's."""
    if isinstance(value, list):
        return [_mask_words(inner) for inner in value]
    if isinstance(value, dict):
        return {k: v if k in ("__class__", "__enum__") else _mask_words(v) for k, v in value.items()}
    return mask_values(value)
