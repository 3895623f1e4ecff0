"""dbt's exposures that read every mart, or every open one: their lists follow from the manifest.

An exposure says `config.meta.reads`; `thongsuot docs` writes its `depends_on`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

READS = re.compile(r"\{reads: (\w+)\}")
DEPENDS_ON = re.compile(r"    depends_on:.*\Z", re.DOTALL)


def complete_exposures(text: str, manifest: Mapping[str, Any]) -> str:
    """The text of exposures.yml with the lists as they are to be. ValueError: unknown word after `reads`."""
    first, *blocks = text.split("\n  - name: ")
    return "\n  - name: ".join([first, *(_complete(block, manifest) for block in blocks)])


def _complete(block: str, manifest: Mapping[str, Any]) -> str:
    if not (reads := READS.search(block)):
        return block
    marts = [
        n for n in manifest["nodes"].values() if n["resource_type"] == "model" and n["schema"] == "marts"
    ]
    if reads[1] not in ("marts", "open_data"):
        raise ValueError(f"exposures.yml: reads is marts or open_data, not {reads[1]}")
    names = sorted(n["name"] for n in marts if reads[1] == "marts" or "open_data" in n["config"]["meta"])
    listed = "\n".join(["    depends_on:", *(f"      - ref('{name}')" for name in names)])
    return DEPENDS_ON.sub("", block) + listed + ("\n" if block.endswith("\n") else "")
