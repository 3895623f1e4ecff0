"""What the doctor asks of the service: the writer, the schedule, alerts, backups, verification."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from datetime import datetime, timedelta

from pipelines.operations.channels import VARIABLE, list_channels
from pipelines.operations.conditions import HEARTBEAT
from pipelines.operations.diagnosis import Diagnosis
from pipelines.operations.records import read_last_backup, read_verification
from pipelines.operations.state import read_state
from pipelines.operations.thresholds import Thresholds
from pipelines.runs.history import find_last_heartbeat, list_stopped_schedules
from pipelines.runs.lineage import is_lineage_on, read_last_delivery
from pipelines.runs.lock import read_holder
from pipelines.settings import LOCAL_ZONE, Settings, has_schedules

# A night of a whole province takes minutes; `max_runtime_seconds` of dagster.yaml ends one after four hours.
LONG_RUN = timedelta(hours=4)
# The timer looks every ten minutes.
LAST_LOOK = timedelta(hours=1)


def _now() -> datetime:
    return datetime.now(LOCAL_ZONE).replace(tzinfo=None)


def check_writer(settings: Settings) -> Iterator[Diagnosis]:
    path = settings.data / "writer.lock"
    if not path.exists():
        yield Diagnosis("writer", "ok", "nobody ever wrote")
        return
    with path.open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = read_holder(settings)
            is_long = holder is not None and _now() - holder.since.replace(tzinfo=None) > LONG_RUN
            text = f"at work: {holder or 'a run'}"
            step = "see what it waits for; ending it loses nothing: the last release is still served"
            yield Diagnosis("writer", "warn" if is_long else "ok", text, step if is_long else "")
            return
    yield Diagnosis("writer", "ok", "free")


def check_schedule(settings: Settings) -> Iterator[Diagnosis]:
    if not has_schedules():
        step = "THONGSUOT_SCHEDULES=on for the web server, the daemon and the code server"
        yield Diagnosis("schedule", "warn", "schedules are off: nothing runs at night by itself", step)
        return
    if not settings.has_history:
        yield Diagnosis(
            "schedule", "fail", "Dagster never ran here", "start the daemon (docs/operations.md#day-one)"
        )
        return
    stopped, heartbeat = list_stopped_schedules(), find_last_heartbeat()
    if heartbeat is None or _now() - heartbeat.replace(tzinfo=None) > HEARTBEAT:
        last = f"{heartbeat:%Y-%m-%d %H:%M}" if heartbeat else "never"
        text = f"the daemon was last seen alive: {last}"
        yield Diagnosis("schedule", "fail", text, "systemctl restart thongsuot-daemon")
    elif stopped:
        text = f"stopped by hand: {', '.join(stopped)}"
        yield Diagnosis("schedule", "fail", text, "switch it on in Dagster, Automation")
    else:
        yield Diagnosis("schedule", "ok", "on, and the daemon is alive")


def check_alerts(settings: Settings) -> Iterator[Diagnosis]:
    channels, state = list_channels(), read_state(settings)
    if not channels:
        step = f"set {VARIABLE}, then `thongsuot alerts test` (docs/operations.md#alerts)"
        yield Diagnosis("alerts", "warn", "nobody is told when something is wrong", step)
        return
    names = ", ".join(channel.name for channel in channels)
    if state.failing:
        text = "; ".join(f"{one.name} since {one.since}: {one.error}" for one in state.failing.values())
        yield Diagnosis("alerts", "fail", text, "correct the address, then `thongsuot alerts test`")
    elif not state.looked_at or _now() - datetime.fromisoformat(state.looked_at) > LAST_LOOK:
        text = f"{names}; the last `thongsuot watch`: {state.looked_at or 'never'}"
        yield Diagnosis(
            "alerts", "fail", text, "start its timer: systemctl enable --now thongsuot-watch.timer"
        )
    elif state.incidents:
        text = f"{len(state.incidents)} open: {', '.join(state.incidents)}"
        yield Diagnosis("alerts", "warn", text, "thongsuot alerts list")
    else:
        yield Diagnosis("alerts", "ok", f"{names}; nothing is open")


def check_backup(settings: Settings) -> Iterator[Diagnosis]:
    backup, hours = read_last_backup(settings), Thresholds.from_env().backup_hours
    if backup is None:
        yield Diagnosis("backup", "warn", "there is none", "thongsuot backup DEST, on another disk")
        return
    age = _now() - datetime.fromisoformat(backup.at)
    text = f"{backup.at} in {backup.destination}, verified as a copy"
    if age > timedelta(hours=hours):
        step = "systemctl enable --now thongsuot-backup.timer, or see why it fails"
        yield Diagnosis("backup", "fail", f"older than {hours} hours: {text}", step)
    else:
        yield Diagnosis("backup", "ok", text)


def check_verified(settings: Settings) -> Iterator[Diagnosis]:
    verified, days = read_verification(settings), Thresholds.from_env().verify_days
    if verified is None:
        yield Diagnosis("verify", "warn", "never verified", "thongsuot verify")
    elif verified.findings:
        text = f"{len(verified.findings)} findings at {verified.at}: {verified.findings[0]}"
        yield Diagnosis("verify", "fail", text, "thongsuot verify says what to do for each")
    elif _now() - datetime.fromisoformat(verified.at) > timedelta(days=days):
        yield Diagnosis("verify", "warn", f"last verified at {verified.at}", "thongsuot verify")
    else:
        yield Diagnosis("verify", "ok", f"whole at {verified.at}")


def check_lineage(settings: Settings) -> Iterator[Diagnosis]:
    """Only where a receiver of OpenLineage events is named."""
    if not is_lineage_on():
        return
    last = read_last_delivery(settings)
    if last is None:
        yield Diagnosis("lineage", "ok", "on; nothing was sent yet")
    elif last.error:
        text = f"the receiver took no event at {last.at}: {last.error}"
        yield Diagnosis("lineage", "warn", text, "see OPENLINEAGE_URL (docs/operations.md#lineage)")
    else:
        yield Diagnosis("lineage", "ok", f"the receiver took the last event at {last.at}")
