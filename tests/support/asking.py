"""What a province says of itself: the rows of its lake, and what its demo planted."""

from __future__ import annotations

import json
from typing import Any

from pipelines.lake.catalogue import open_lake
from tests.conftest import Province


def ask_lake(province: Province, sql: str) -> list[tuple]:
    with open_lake(province.settings) as con:
        return con.execute(sql).fetchall()


def read_manifest(province: Province) -> dict[str, Any]:
    """Every planted fault and every total of the demo."""
    return json.loads((province.settings.data / "demo" / "manifest.json").read_text(encoding="utf-8"))
