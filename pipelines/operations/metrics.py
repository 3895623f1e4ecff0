"""`thongsuot metrics`: how the installation stands, in Prometheus's text format.

A part that cannot be read leaves its metrics out and sets `thongsuot_unreadable{part}` to 1: an absent metric alone
looks like one that nobody ever made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.lake.location import has_lake
from pipelines.landing.withdrawals import list_remaining
from pipelines.log import get_logger
from pipelines.masking import make_printable
from pipelines.operations.disk import measure_disk, measure_parts
from pipelines.operations.records import read_last_backup, read_verification
from pipelines.operations.state import read_state
from pipelines.quality.reports import read_report
from pipelines.releases.holds import find_open_hold
from pipelines.runs.history import read_run_times
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.contract import load_contracts

LOG = get_logger(__name__)


class Sample(NamedTuple):
    """One value of a metric of METRICS; `label`: of its only label, where it has one."""

    metric: str
    value: float
    label: str = ""


# name → (its label, what it says). Moments are seconds since 1970, UTC.
METRICS = {
    "release_published_timestamp_seconds": ("", "When the newest release was published."),
    "release_as_of_timestamp_seconds": ("", "The moment that the newest release answers for."),
    "releases": ("", "Releases in the chain."),
    "hold_open": ("", "1 where the gate holds a build now."),
    "mart_rows": ("mart", "Rows of a mart in the newest release."),
    "source_delivered_timestamp_seconds": ("source", "When a source was last pulled with rows."),
    "source_rows": ("source", "Rows of a source's newest delivery."),
    "source_rejected_rows": ("source", "Rejected rows of a source's newest delivery."),
    "source_freshness_seconds": ("source", "After how long the source counts as stale."),
    "run_success": ("job", "1 where the newest finished run succeeded."),
    "run_ended_timestamp_seconds": ("job", "When the newest finished run ended."),
    "stage_duration_seconds": ("stage", "How long the steps of a stage took in the newest finished run."),
    "disk_free_bytes": ("", "Free on the file system of the data directory."),
    "disk_total_bytes": ("", "Size of the file system of the data directory."),
    "data_bytes": ("part", "Bytes on disk of a part of the data directory."),
    "backup_timestamp_seconds": ("", "When the last whole backup began."),
    "verify_timestamp_seconds": ("", "When the releases were last verified."),
    "verify_findings": ("", "Findings of the last verification."),
    "incidents_open": ("kind", "Incidents that the watch left open."),
    "channels_failing": ("", "Alert channels that take nothing."),
    "watch_timestamp_seconds": ("", "When the watch last looked."),
    "unreadable": ("part", "1 where a part could not be read."),
}


def write_metrics(settings: Settings) -> str:
    """Prometheus's text format, as `promtool check metrics` takes it."""
    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for part, collect in PARTS.items():
        for sample in _collect_safely(settings, part, collect):
            label, text = METRICS[sample.metric]
            if sample.metric not in gauges:  # not before: a gauge that nobody sets says 0
                name, labels = f"thongsuot_{sample.metric}", [label] if label else []
                gauges[sample.metric] = Gauge(name, text, labels, registry=registry)
            gauge = gauges[sample.metric]
            (gauge.labels(sample.label) if label else gauge).set(sample.value)
    return generate_latest(registry).decode()


def _collect_safely(
    settings: Settings, part: str, collect: Callable[[Settings], Iterator[Sample]]
) -> list[Sample]:
    try:
        samples = [
            # Names come from ledgers and records: what is no text of UTF-8 is made one, what is no number raises.
            Sample(metric, float(value), make_printable(label).encode("utf-8", "replace").decode())
            for metric, value, label in collect(settings)
        ]
        return [*samples, Sample("unreadable", 0, part)]
    except Exception as error:  # one part is no reason to be silent about the others
        LOG.warning("metrics could not be read", part=part, error=str(error))
        return [Sample("unreadable", 1, part)]


def _seconds(text: str) -> float:
    """Of local time in ISO form."""
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL_ZONE).timestamp()


def collect_lake(settings: Settings) -> Iterator[Sample]:
    if not has_lake(settings):
        yield Sample("releases", 0)
        return
    with open_lake(settings) as con:
        chain, hold = list_releases(con), find_open_hold(con)
    yield Sample("releases", len(chain))
    yield Sample("hold_open", float(hold is not None))
    if chain:
        newest = chain[-1]
        yield Sample(
            "release_published_timestamp_seconds", newest.published_at.replace(tzinfo=UTC).timestamp()
        )
        yield Sample("release_as_of_timestamp_seconds", newest.as_of.replace(tzinfo=LOCAL_ZONE).timestamp())
        yield from (Sample("mart_rows", mart.rows, name) for name, mart in newest.marts.items())


def collect_sources(settings: Settings) -> Iterator[Sample]:
    for source in load_contracts(settings.sources_file).sources.values():
        yield Sample("source_freshness_seconds", source.freshness_hours * 3600, source.name)
        batches = [
            batch
            for batch in list_remaining(settings.landing, source.name)
            if batch.rows or source.may_be_empty
        ]
        if not batches:
            continue
        newest = max(batches, key=lambda batch: batch.pulled_at)
        pulled_at = datetime.fromisoformat(newest.pulled_at).replace(tzinfo=UTC)
        yield Sample("source_delivered_timestamp_seconds", pulled_at.timestamp(), source.name)
        yield Sample("source_rows", newest.rows, source.name)
        if report := read_report(settings.quality, newest):
            yield Sample("source_rejected_rows", report.rows_rejected, source.name)


def collect_runs(settings: Settings) -> Iterator[Sample]:
    times = read_run_times() if settings.has_history else None
    if times:
        yield Sample("run_success", float(times.is_success), times.job)
        yield Sample("run_ended_timestamp_seconds", times.ended_at.timestamp(), times.job)
        yield from (Sample("stage_duration_seconds", value, stage) for stage, value in times.seconds.items())


def collect_disk(settings: Settings) -> Iterator[Sample]:
    disk = measure_disk(settings)
    yield Sample("disk_free_bytes", disk.free)
    yield Sample("disk_total_bytes", disk.total)
    yield from (Sample("data_bytes", size, part) for part, size in measure_parts(settings).items())


def collect_records(settings: Settings) -> Iterator[Sample]:
    if backup := read_last_backup(settings):
        yield Sample("backup_timestamp_seconds", _seconds(backup.at))
    if verified := read_verification(settings):
        yield Sample("verify_timestamp_seconds", _seconds(verified.at))
        yield Sample("verify_findings", len(verified.findings))


def collect_watch(settings: Settings) -> Iterator[Sample]:
    state = read_state(settings)
    if state.looked_at:
        yield Sample("watch_timestamp_seconds", _seconds(state.looked_at))
        yield Sample("channels_failing", len(state.failing))
    kinds = [incident.kind for incident in state.incidents.values()]
    yield from (Sample("incidents_open", kinds.count(kind), kind) for kind in sorted(set(kinds)))


PARTS: dict[str, Callable[[Settings], Iterator[Sample]]] = {
    "lake": collect_lake,
    "sources": collect_sources,
    "runs": collect_runs,
    "disk": collect_disk,
    "records": collect_records,
    "watch": collect_watch,
}
