"""One sensor per inbox: new files → one run of their source and all that follows, for their day."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.defs.common import CONTRACTS, DAYS, SETTINGS
from pipelines.landing.arrivals import archive_counted_files, find_waiting_files
from pipelines.settings import Settings, has_schedules
from pipelines.sources.contracts.contract import Source
from pipelines.sources.files import inbox

SECONDS_BETWEEN_LOOKS = 60


def inbox_job(source: Source) -> Any:
    """The nightly line with this source alone pulled and validated."""
    others = [s.name for s in CONTRACTS.sources.values() if s.name != source.name]
    left_out = [dg.AssetKey([stage, n]) for n in others for stage in ("landing", "accepted", "rejected")]
    return dg.define_asset_job(
        f"inbox_{source.name}",
        selection=dg.AssetSelection.all() - dg.AssetSelection.assets(*left_out),
        partitions_def=DAYS,
        description=f"{source.title_vi}: nhận tệp mới trong hộp thư đến, kiểm tra, dựng bảng, công bố. "
        "New files of the inbox: land, validate, build, publish, export.",
    )


def inbox_sensor(source: Source, job: Any, settings: Settings = SETTINGS) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"inbox_{source.name}",
        job=job,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        description=f"{source.title_vi}: tệp mới trong hộp thư đến. A new file counts once, by its content.",
        default_status=dg.DefaultSensorStatus.RUNNING if has_schedules() else dg.DefaultSensorStatus.STOPPED,
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        archive_counted_files(source, settings)
        before = json.loads(context.cursor or "{}")
        now = {str(path): _shape(path) for path in inbox.list_ready(source, settings)}
        requests: list[dg.RunRequest] = []
        reasons = [f"{d.path.name}: {d.why_not}" for d in inbox.list_inbox(source, settings) if d.why_not]
        for day, files in sorted(find_waiting_files(source, settings).items()):
            # Of the same size and times at two looks: it is no longer being written.
            if any(now.get(str(path)) is None or before.get(str(path)) != now[str(path)] for path in files):
                reasons.append(f"{day}: {len(files)} files, taken when they rest")
            elif not DAYS.has_partition_key(str(day)):
                reasons.append(f"{day}: {len(files)} files, taken when that day is over")
            else:
                requests.append(_request(day, {p: f"{sha} {now[str(p)]}" for p, sha in files.items()}))
        reasons += [
            f"set aside: {path.name}: {reason}" for path, reason in inbox.list_refused(source, settings)
        ]
        return dg.SensorResult(
            run_requests=requests,
            cursor=json.dumps(now),
            skip_reason=None if requests else dg.SkipReason("; ".join(reasons) or "nothing new in the inbox"),
        )

    return look


def _request(day: date, files: dict[Path, str]) -> dg.RunRequest:
    """One run for all that is new on this day (`files`: path → content and shape).

    The same contents never ask twice, unless they were moved: what was set aside and moved back is tried again.
    """
    content = hashlib.sha256("".join(sorted(files.values())).encode()).hexdigest()
    return dg.RunRequest(
        run_key=f"{day} {content}",
        partition_key=str(day),
        tags={"thongsuot/inbox": ", ".join(sorted(path.name for path in files))[:200]},
    )


def _shape(path: Path) -> list[int]:
    about = path.stat()
    return [about.st_size, about.st_mtime_ns, about.st_ctime_ns]


WITH_INBOX = [source for source in CONTRACTS.sources.values() if source.inbox]
jobs = [inbox_job(source) for source in WITH_INBOX]
sensors = [inbox_sensor(source, job) for source, job in zip(WITH_INBOX, jobs, strict=True)]
