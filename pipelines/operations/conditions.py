"""What the watch looks at: each condition is a function that names what is wrong now; nothing here sends anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.lake.location import has_lake
from pipelines.landing.withdrawals import list_remaining
from pipelines.masking import mask_secrets
from pipelines.operations.disk import DiskSample, add_sample, forecast_days, measure_disk, spell_size
from pipelines.operations.future import describe_future_records, is_future
from pipelines.operations.incidents import Incident, spell_moment
from pipelines.operations.records import read_verification
from pipelines.operations.upkeep import find_failed_tidy, find_old_backup, find_verify_findings
from pipelines.operations.view import View
from pipelines.quality.missing_days import has_days
from pipelines.releases.holds import find_open_hold
from pipelines.runs.history import find_last_heartbeat, find_last_publication, list_failed_jobs
from pipelines.settings import LOCAL_ZONE, Settings, has_schedules
from pipelines.sources.contracts.contract import load_contracts

# A success of one of these after a failed night makes up for it, where the days of that night are there: what is
# missing is pulled and validated by a run of these days alone, and the schedule does not ask for them again.
HEALING_JOBS = ("nightly", "backfill", "revalidate", "publish_only")
# Told by its own condition, with the finding's words.
VERIFY_JOB = "verify"
# Dagster's daemon is seen every half minute.
HEARTBEAT = timedelta(minutes=10)
# An open alert of the disk ends only where a tenth more than the limit is free: at the limit it would come and go.
RELIEF = 1.1
# Enough of them to see what happened.
MOST_RECORDS = 10


def find_failed_runs(view: View) -> Iterator[Incident]:
    if not view.settings.has_history:
        return
    sources = load_contracts(view.settings.sources_file).sources.values()
    for failed in list_failed_jobs(HEALING_JOBS, partial(has_days, sources, view.settings)):
        if failed.job == VERIFY_JOB and _has_findings(view):
            continue
        causes = "\n".join(failed.causes) or "no step says why: its process may have been killed"
        yield Incident(
            f"run_failed:{failed.job}",
            spell_moment(failed.since),
            f"Lần chạy `{failed.job}` bị hỏng; bản công bố trước vẫn đang được dùng.",
            f"Job `{failed.job}` failed; the last release is still served.\n{mask_secrets(causes)[:1500]}",
            "Xử lý nguyên nhân nêu trên rồi chạy `thongsuot run`: chỉ những gì còn thiếu được làm lại.",
            "Mend the cause above, then `thongsuot run`: it does only what is missing.",
            f"thongsuot ui, Runs, {failed.run_id[:8]}",
        )


def _has_findings(view: View) -> bool:
    verified = read_verification(view.settings)
    return bool(verified and verified.findings)


def find_holds(view: View) -> Iterator[Incident]:
    if not has_lake(view.settings):
        return
    with open_lake(view.settings) as con:
        hold = find_open_hold(con)
    if hold:
        since = hold.opened.happened_at.replace(tzinfo=UTC).astimezone(LOCAL_ZONE)
        texts = [[finding[f"text_{language}"] for finding in hold.findings] for language in ("vi", "en")]
        yield Incident(
            f"release_held:{hold.opened.hold_id}",
            spell_moment(since),
            f"Bản mới (giữ số {hold.opened.hold_id}) bị giữ lại, chưa công bố: {'; '.join(texts[0])}",
            f"A build is held (hold {hold.opened.hold_id}) and not published: {'; '.join(texts[1])}",
            "Hỏi đơn vị cung cấp dữ liệu; sửa rồi chạy lại, hoặc chấp nhận có ghi tên và lý do.",
            "Ask who delivers the data; mend and run again, or accept it by name and reason "
            f"(`thongsuot releases accept {hold.opened.hold_id} --by NAME --reason WHY`).",
            "thongsuot releases held",
        )


def find_late_release(view: View) -> Iterator[Incident]:
    """The dead man's switch: whatever the reason, nothing was published since midnight and the hour is past."""
    deadline = datetime.combine(view.now.date(), view.thresholds.release_by)
    if view.now < deadline:
        deadline -= timedelta(days=1)
    last = _find_publication(view.settings, view.now)
    if last and last >= datetime.combine(deadline.date(), datetime.min.time()):
        return
    when = spell_moment(last) if last else "chưa bao giờ · never"
    yield Incident(
        "release_late",
        spell_moment(deadline),
        f"Quá {view.thresholds.release_by:%H:%M} mà chưa có lần công bố nào trong ngày. Lần gần nhất: {when}.",
        f"It is past {view.thresholds.release_by:%H:%M} and nothing was published today. The last time: {when}.",
        "Xem máy chủ và tiến trình lập lịch còn chạy không (`thongsuot doctor`), rồi chạy `thongsuot run`.",
        "See whether machine and scheduler are up (`thongsuot doctor`), then `thongsuot run`.",
        "thongsuot doctor",
    )


def _find_publication(settings: Settings, now: datetime) -> datetime | None:
    """The newest release, or the newest run that found nothing new to publish; local time, none that is to come."""
    moments = []
    if has_lake(settings):
        with open_lake(settings) as con:
            releases = list_releases(con)
        moments += [r.published_at.replace(tzinfo=UTC).astimezone(LOCAL_ZONE) for r in releases]
    if settings.has_history and (published_at := find_last_publication()):
        moments.append(published_at)
    past = [moment.replace(tzinfo=None) for moment in moments if not is_future(moment, now)]
    return max(past, default=None)


def find_stale_sources(view: View) -> Iterator[Incident]:
    """The newest delivery with rows is older than the source's `freshness_hours`; a run that got nothing is none."""
    for source in load_contracts(view.settings.sources_file).sources.values():
        batches = list_remaining(view.settings.landing, source.name)
        moments = [
            datetime.fromisoformat(batch.pulled_at).replace(tzinfo=UTC).astimezone(LOCAL_ZONE)
            for batch in batches
            if batch.rows or source.may_be_empty
        ]
        moments = [moment for moment in moments if not is_future(moment, view.now)]
        if not moments:
            continue  # it never was fresh: `doctor` names it
        stale_at = max(moments).replace(tzinfo=None) + timedelta(hours=source.freshness_hours)
        if view.now > stale_at:
            last = spell_moment(max(moments))
            yield Incident(
                f"source_stale:{source.name}",
                spell_moment(stale_at),
                f"Nguồn «{source.title_vi}» không có dữ liệu mới quá {source.freshness_hours} giờ (lần cuối {last}).",
                f"Source {source.name} brought no rows for more than {source.freshness_hours} hours (last at {last}).",
                f"Liên hệ {source.owner}; kiểm tra đường kết nối bằng `thongsuot sources check`.",
                f"Ask {source.owner}; try the way there with `thongsuot sources check`.",
                f"thongsuot sources check {source.name}",
            )


def find_full_disk(view: View) -> Iterator[Incident]:
    disk, limit = measure_disk(view.settings), view.thresholds.free_share
    samples = add_sample(view.state.disk, DiskSample(view.now.isoformat(), disk.free))
    days = forecast_days(samples)
    relief = RELIEF if "disk_filling" in view.state.incidents else 1.0
    is_low = disk.free_share < limit * relief
    if not is_low and (days is None or days > view.thresholds.days_until_full * relief):
        return
    pace = (f"; đầy trong {days:.0f} ngày", f"; full in {days:.0f} days at this pace") if days else ("", "")
    free = f"{spell_size(disk.free)} ({disk.free_share:.0%})"
    yield Incident(
        "disk_filling",
        spell_moment(view.now),
        f"Ổ đĩa của {view.settings.data} còn trống {free}{pace[0]}.",
        f"The disk of {view.settings.data} has {free} free{pace[1]}.",
        "Xem phần nào lớn nhất (`thongsuot doctor`); bỏ bớt bản cũ bằng `thongsuot releases prune`, hoặc thêm đĩa.",
        "See what is largest (`thongsuot doctor`); drop old releases' contents with `thongsuot releases prune`, "
        "or add disk.",
        "thongsuot doctor",
    )


def find_gone_daemon(view: View) -> Iterator[Incident]:
    """Only where schedules are on: elsewhere nobody waits for it."""
    if not has_schedules() or not view.settings.has_history:
        return
    last = find_last_heartbeat()
    if last and abs(view.now - last.replace(tzinfo=None)) < HEARTBEAT:
        return
    yield Incident(
        "daemon_gone",
        spell_moment(last or view.now),
        "Tiến trình lập lịch (Dagster daemon) không còn chạy: đêm nay sẽ không có lần chạy nào.",
        "The scheduler (Dagster's daemon) is not running: there will be no run tonight.",
        "Khởi động lại: `systemctl restart thongsuot-daemon` (hoặc `thongsuot ui`).",
        "Start it again: `systemctl restart thongsuot-daemon` (or `thongsuot ui`).",
        "journalctl -u thongsuot-daemon",
    )


def find_wrong_clock(view: View) -> Iterator[Incident]:
    """Open until what says a false time is no more the newest of its kind."""
    future = list(describe_future_records(view.settings, view.now, view.state))
    if future:
        more = f"\n… {len(future) - MOST_RECORDS} more" if len(future) > MOST_RECORDS else ""
        listed = "\n".join(future[:MOST_RECORDS]) + more
        yield Incident(
            "clock_wrong",
            spell_moment(view.now),
            f"Đồng hồ của máy đã sai: {len(future)} bản ghi mang thời điểm chưa tới.",
            f"The machine's clock was wrong, or is: {len(future)} records say a time that is still to come.\n{listed}",
            "Chỉnh đồng hồ (`timedatectl set-ntp true`); lấy lại các ngày đó: "
            "`thongsuot run --again --partition NGÀY`.",
            "Set the clock (`timedatectl set-ntp true`), then pull these days again: "
            "`thongsuot run --again --partition DAY`.",
            "thongsuot doctor",
        )


CONDITIONS: dict[str, Callable[[View], Iterator[Incident]]] = {
    "runs": find_failed_runs,
    "hold": find_holds,
    "release": find_late_release,
    "sources": find_stale_sources,
    "disk": find_full_disk,
    "verify": find_verify_findings,
    "backup": find_old_backup,
    "tidy": find_failed_tidy,
    "daemon": find_gone_daemon,
    "clock": find_wrong_clock,
}
# The kinds of incidents that each condition may name.
KINDS = {
    "runs": ("run_failed",),
    "hold": ("release_held",),
    "release": ("release_late",),
    "sources": ("source_stale",),
    "disk": ("disk_filling",),
    "verify": ("verify_finding", "verify_old"),
    "backup": ("backup_old",),
    "tidy": ("tidy_failed",),
    "daemon": ("daemon_gone",),
    "clock": ("clock_wrong",),
}
