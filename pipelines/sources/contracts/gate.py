"""`gate:` of sources.yaml: the place's own thresholds of the rules over a release (expectations/release.json)."""

from __future__ import annotations

import json
from functools import cache
from typing import Literal

from pydantic import Field

from pipelines.sources.contracts.canon import FOLDER
from pipelines.sources.contracts.options.frozen import Frozen


class GateLimit(Frozen):
    """What one rule asks of this place's releases; what is not said stays the default."""

    limit: float | None = Field(None, ge=0, description="The largest value that passes.")
    more_than: float | None = Field(
        None, ge=0, description="Values behind which no more rows, keys or days stand are not looked at."
    )
    severity: Literal["critical", "warning", "info"] | None = Field(
        None, description="critical holds the release, warning is told with it, info is only recorded."
    )


@cache
def list_gate_rules() -> dict[str, bool]:
    """Rule over a release → whether it has a limit that a place can set."""
    content = json.loads((FOLDER / "release.json").read_text(encoding="utf-8"))
    return {entry["meta"]["rule"]: "max_value" in entry["kwargs"] for entry in content["expectations"]}
