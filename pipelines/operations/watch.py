"""One look at an installation from outside Dagster: people are told once when something begins, once when it ends.

Run by cron or a systemd timer: it works where Dagster, its daemon or the lake do not. What it cannot look at is an
incident of its own, and a channel that fails is told through the others, and in its own next message.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pipelines.log import get_logger
from pipelines.masking import mask_secrets
from pipelines.operations.channels import Channel
from pipelines.operations.conditions import CONDITIONS, KINDS
from pipelines.operations.digest import write_digest
from pipelines.operations.disk import DiskSample, add_sample, measure_disk
from pipelines.operations.incidents import Incident, Message, spell_moment, write_ending, write_opening
from pipelines.operations.state import FailingChannel, WatchState, one_watch, read_state, write_state
from pipelines.operations.thresholds import Thresholds
from pipelines.operations.view import View
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.contract import load_contracts

LOG = get_logger(__name__)
BLIND, CHANNEL = "watch_blind", "channel_failing"


class WatchResult(NamedTuple):
    """`incidents`: all that are open, whether told now or before; `failing`: channels that do not take messages."""

    incidents: list[Incident]
    opened: list[Incident]
    over: list[Incident]
    failing: list[FailingChannel]


def watch(
    settings: Settings,
    channels: Sequence[Channel],
    thresholds: Thresholds | None = None,
    now: datetime | None = None,
) -> WatchResult | None:
    """None where another watch is at work. What was told is on record once every channel was tried.

    `now`: local time without a zone. OSError where the record cannot be written: it is then told again.
    """
    now = now or datetime.now(LOCAL_ZONE).replace(tzinfo=None)
    with one_watch(settings) as is_only:
        if not is_only:
            return None
        state = read_state(settings)
        view = View(settings, thresholds or Thresholds.from_env(), now, state)
        place = _name_place(settings)
        present, unseen = look(view)
        opened = [incident for key, incident in present.items() if key not in state.incidents]
        over = [
            incident
            for key, incident in state.incidents.items()
            if key not in present and incident.kind not in {CHANNEL, *unseen}
        ]
        messages = [write_opening(place, incident) for incident in opened]
        messages += [write_ending(place, incident, now) for incident in over]
        for incident in over:
            del state.incidents[incident.key]
        for incident in opened:
            state.incidents[incident.key] = incident
        if digest := write_digest(view, place):
            messages.append(digest)
            state.digest_on = str(now.date())
        _deliver(state, channels, messages, place, now)
        state.disk = add_sample(state.disk, DiskSample(now.isoformat(), measure_disk(settings).free))
        state.looked_at = now.isoformat(timespec="seconds")
        write_state(settings, state)
    return WatchResult(list(state.incidents.values()), opened, over, list(state.failing.values()))


def look(view: View) -> tuple[dict[str, Incident], set[str]]:
    """Incidents by key, and the kinds that could not be looked at: nobody knows whether those are over."""
    present: dict[str, Incident] = {}
    unseen: set[str] = set()
    for name, find in CONDITIONS.items():
        try:
            present |= {incident.key: incident for incident in find(view)}
        except Exception as error:  # whatever it is: the other conditions are looked at, and this one is told
            unseen |= set(KINDS[name])
            incident = _describe_blindness(view, name, error)
            present[incident.key] = incident
            LOG.warning("a condition could not be looked at", condition=name, error=str(error))
    return present, unseen


def _describe_blindness(view: View, name: str, error: Exception) -> Incident:
    reason = mask_secrets(f"{type(error).__name__}: {error}")[:600]
    return Incident(
        f"{BLIND}:{name}",
        spell_moment(view.now),
        f"Không kiểm tra được điều kiện `{name}`.",
        f"The condition `{name}` cannot be looked at: {reason}",
        "Chạy `thongsuot doctor`; cho đến khi sửa xong, điều kiện này không có ai canh.",
        "Run `thongsuot doctor`; until it is mended nobody watches this condition.",
        "thongsuot doctor",
    )


def _deliver(
    state: WatchState, channels: Sequence[Channel], messages: list[Message], place: str, now: datetime
) -> None:
    """Each channel gets what waits for it and what is new; those that work are told of those that do not."""
    news: list[Message] = []
    # A channel that was taken out of the environment is nobody's any more.
    for key in set(state.failing) - {channel.key for channel in channels}:
        del state.failing[key]
        state.incidents.pop(f"{CHANNEL}:{key}", None)
    for channel in channels:
        before = state.failing.get(channel.key)
        waiting = _list_waiting(before, place, now) + messages
        left, error = _send_all(channel, waiting)
        key = f"{CHANNEL}:{channel.key}"
        if error is None:
            if state.failing.pop(channel.key, None) and (incident := state.incidents.pop(key, None)):
                news.append(write_ending(place, incident, now))
            continue
        failing = before or FailingChannel(channel.name, spell_moment(now), error)
        failing.error, failing.waiting = error, []
        failing.keep([message for message in left if not message.title.endswith(AGAIN)])
        state.failing[channel.key] = failing
        if key not in state.incidents:
            state.incidents[key] = _describe_channel(key, failing)
            news.append(write_opening(place, state.incidents[key]))
    for channel in channels:
        if channel.key not in state.failing and news:
            left, error = _send_all(channel, news)
            if error is not None:
                state.failing[channel.key] = FailingChannel(channel.name, spell_moment(now), error, left)


AGAIN = "kênh này gửi lại được · this channel works again"


def _list_waiting(before: FailingChannel | None, place: str, now: datetime) -> list[Message]:
    if before is None:
        return []
    lost = f"\n{before.dropped} older messages were dropped." if before.dropped else ""
    text = f"Hỏng từ · it failed since {before.since}: {before.error}\nLúc · now: {spell_moment(now)}{lost}"
    return [Message(f"[{place}] {AGAIN}", text, "info"), *before.waiting]


def _send_all(channel: Channel, messages: Sequence[Message]) -> tuple[list[Message], str | None]:
    """What was not taken, and why; the first that fails keeps the rest for later, in order."""
    for number, message in enumerate(messages):
        if error := channel.send(message):
            LOG.warning("a channel took no alert", channel=channel.name, error=error)
            return list(messages[number:]), error
    return [], None


def _describe_channel(key: str, failing: FailingChannel) -> Incident:
    return Incident(
        key,
        failing.since,
        f"Kênh cảnh báo {failing.name} không gửi được.",
        f"Alert channel {failing.name} does not take messages: {failing.error}",
        "Sửa địa chỉ hoặc mật khẩu trong THONGSUOT_ALERTS; thử bằng `thongsuot alerts test`.",
        "Correct its address or password in THONGSUOT_ALERTS; try it with `thongsuot alerts test`.",
        "thongsuot alerts list",
    )


def _name_place(settings: Settings) -> str:
    try:
        return f"Thông suốt · {load_contracts(settings.sources_file).place.name}"
    except Exception:  # a wrong sources.yaml is no reason to be silent
        return "Thông suốt"
