"""The daily digest, for whoever wants to be told that all is well: sent at the first look after the hour."""

from __future__ import annotations

from datetime import datetime

from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.lake.location import has_lake
from pipelines.operations.disk import measure_disk, spell_size
from pipelines.operations.incidents import Message, spell_moment
from pipelines.operations.records import read_last_backup, read_verification
from pipelines.operations.view import View


def write_digest(view: View, place: str) -> Message | None:
    """None before the hour, or where today's was sent."""
    at = view.thresholds.digest_at
    if at is None or view.now.time() < at or view.state.digest_on == str(view.now.date()):
        return None
    incidents = view.state.incidents.values()
    disk = measure_disk(view.settings)
    backup, verified = read_last_backup(view.settings), read_verification(view.settings)
    lines = [
        _describe_release(view),
        f"Ổ đĩa trống · disk free: {spell_size(disk.free)} ({disk.free_share:.0%})",
        f"Sao lưu gần nhất · last backup: {_spell(backup and backup.at)}",
        f"Kiểm chứng gần nhất · last verify: {_spell(verified and verified.at)}",
        *(
            f"!! {incident.what_vi} · {incident.what_en} (từ · since {incident.since})"
            for incident in incidents
        ),
    ]
    title = f"{len(incidents)} việc cần xử lý · open incidents" if incidents else "mọi việc ổn · all is well"
    return Message(f"[{place}] {view.now:%d/%m/%Y}: {title}", "\n".join(lines), "info")


def _describe_release(view: View) -> str:
    try:
        if not has_lake(view.settings):
            return "Chưa có bản công bố · no release yet"
        with open_lake(view.settings) as con:
            newest = list_releases(con)[-1]
        return f"Bản công bố · release {newest.release_id}, số liệu đến · as of {newest.as_of}"
    except Exception as error:  # the digest is sent all the same; the condition says what is wrong
        return f"Bản công bố không đọc được · the lake cannot be read: {type(error).__name__}"


def _spell(at: str | None) -> str:
    return spell_moment(datetime.fromisoformat(at)) if at else "chưa có · never"
