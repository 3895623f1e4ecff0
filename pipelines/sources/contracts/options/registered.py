"""A key of sources.yaml whose value must be a name in a registry, refused like any other wrong word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticKnownError


def require_one_of(names: Sequence[str]) -> AfterValidator:
    """ValidationError of type `literal_error`, with all names, where the text is none of them."""
    quoted = [repr(name) for name in names]
    expected = " or ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)

    def check(name: str) -> str:
        if name not in names:
            raise PydanticKnownError("literal_error", {"expected": expected})
        return name

    return AfterValidator(check)


def describe_one_of(names: Sequence[str]) -> WithJsonSchema:
    """In the JSON Schema an enumeration, which editors complete."""
    schema: dict[str, Any] = {"enum": list(names), "type": "string"}
    return WithJsonSchema(schema)
