"""Reference files as batches: landed again only where a file or its mapping changed.

So a release depends on landed batches alone, also for the units, procedures and cut-offs it used.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from pipelines import duck
from pipelines.landing.batches import LandedBatch, file_sha256, newest
from pipelines.landing.pull import pull
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contract import Contracts
from pipelines.sources.errors import PermanentSourceError

PREFIX = "reference_"


def land_reference(
    contracts: Contracts, settings: Settings, *, run_id: str, root: Path | None = None
) -> list[LandedBatch]:
    """Land every reference table whose file differs from its newest batch; returns the new ones."""
    root = root or settings.landing
    today = datetime.now(LOCAL_ZONE).date()
    landed = []
    for name, table in contracts.reference.items():
        source = table.as_source()
        path = source.resolved_path(settings.data, str(today))
        if not path.exists():
            raise PermanentSourceError(
                f"reference {name}: no file {path}. Correct `reference.{name}.path` in sources.yaml."
            )
        headers = source.model_dump_json(include={"columns": {"__all__": {"raw", "aliases"}}})
        mapping = hashlib.sha256(headers.encode()).hexdigest()[:8]
        origin = f"{path.name} sha256:{file_sha256(path)} mapping:{mapping}"
        known = newest(root, PREFIX + name)
        if known and known[max(known)].origin == origin:
            continue
        with duck.connect(settings.extensions) as con:
            landed.append(pull(source, today, settings, run_id=run_id, con=con, origin=origin, root=root))
    return landed
