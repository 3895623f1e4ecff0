"""Conditions of what keeps an installation: that it is verified, backed up and tidied; each by its record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.lake.location import has_lake
from pipelines.operations.future import is_future
from pipelines.operations.incidents import Incident, spell_moment
from pipelines.operations.records import read_last_backup, read_last_tidy, read_verification
from pipelines.operations.view import View
from pipelines.settings import LOCAL_ZONE, Settings


def find_verify_findings(view: View) -> Iterator[Incident]:
    if not has_lake(view.settings):
        return
    verified = read_verification(view.settings)
    if verified and verified.findings:
        listed = "\n".join(verified.findings[:10])
        yield Incident(
            "verify_finding",
            spell_moment(datetime.fromisoformat(verified.at)),
            f"Kiểm chứng thấy {len(verified.findings)} sai lệch: dữ liệu đã bị thay đổi ngoài hệ thống.",
            f"verify has {len(verified.findings)} findings: something was changed from outside.\n{listed}",
            "Không sửa gì trên máy; ghi lại kết quả `thongsuot verify` và báo người phụ trách.",
            "Change nothing on the machine; keep the output of `thongsuot verify`, each finding says what to do.",
            "thongsuot verify",
        )
    last = datetime.fromisoformat(verified.at) if verified else None
    last = None if last and is_future(last, view.now) else last
    due = last + timedelta(days=view.thresholds.verify_days) if last else _find_first_release(view.settings)
    if due and view.now > due:
        yield Incident(
            "verify_old",
            spell_moment(due),
            f"Chưa kiểm chứng trong {view.thresholds.verify_days} ngày qua.",
            f"Nothing was verified in the last {view.thresholds.verify_days} days.",
            "Chạy `thongsuot verify`; xem lịch `verify` trong Dagster còn bật không.",
            "Run `thongsuot verify`; see whether the schedule `verify_schedule` is on in Dagster.",
            "thongsuot verify",
        )


def _find_first_release(settings: Settings) -> datetime | None:
    """A new installation has its first week too."""
    with open_lake(settings) as con:
        releases = list_releases(con)
    if not releases:
        return None
    first = releases[0].published_at.replace(tzinfo=UTC).astimezone(LOCAL_ZONE)
    return first.replace(tzinfo=None) + timedelta(days=7)


def find_old_backup(view: View) -> Iterator[Incident]:
    if not has_lake(view.settings):
        return
    backup, hours = read_last_backup(view.settings), view.thresholds.backup_hours
    if backup and is_future(datetime.fromisoformat(backup.at), view.now):
        backup = None
    due = datetime.fromisoformat(backup.at) + timedelta(hours=hours) if backup else view.now
    if backup and view.now <= due:
        return
    last = f"{spell_moment(datetime.fromisoformat(backup.at))}, {backup.destination}" if backup else "never"
    yield Incident(
        "backup_old",
        spell_moment(due),
        f"Không có bản sao lưu nào trong {hours} giờ qua (lần cuối: {last}).",
        f"No backup in the last {hours} hours (the last one: {last}).",
        "Chạy `thongsuot backup ĐÍCH` ra ổ đĩa khác; xem hẹn giờ sao lưu còn bật không.",
        "Run `thongsuot backup DEST` to another disk; see whether the timer of the backup is on.",
        "thongsuot doctor",
    )


def find_failed_tidy(view: View) -> Iterator[Incident]:
    """Until one succeeds: what is old stays, and the disk fills more slowly than it is seen."""
    last = read_last_tidy(view.settings)
    if last and last.errors:
        listed = "\n".join(last.errors)
        yield Incident(
            "tidy_failed",
            spell_moment(datetime.fromisoformat(last.at)),
            "Việc dọn những gì đã cũ (`thongsuot tidy`) bị hỏng; không số liệu nào bị ảnh hưởng.",
            f"`thongsuot tidy` failed: what is old stays; no figure is touched.\n{listed}",
            "Xử lý nguyên nhân nêu trên rồi chạy `thongsuot tidy`.",
            "Mend the cause above, then `thongsuot tidy`.",
            "journalctl -u thongsuot-backup",
        )
