"""`thongsuot watch`, `thongsuot alerts`: who is told that something is wrong, and what is open now."""

from __future__ import annotations

import click

from pipelines.cli.answers import ANSWERED, DIFFERENT, UNANSWERED, as_json, leave, say
from pipelines.cli.console import console, print_plain
from pipelines.settings import Settings


@click.command()
@as_json
def watch(as_json: bool) -> None:
    """Look once at everything that may be wrong, and tell whoever must know. For cron or a systemd timer.

    Exit code 0: nothing is wrong; 1: something is; 2: somebody could not be told, or nobody is to be told.
    """
    from pipelines.operations.channels import VARIABLE, list_channels
    from pipelines.operations.watch import watch as look_once

    settings = Settings.from_env()
    if not settings.data.is_dir():
        print_plain(f"{settings.data} does not exist: THONGSUOT_DATA says where the data lie.")
        leave(UNANSWERED)
    channels = list_channels()
    result = look_once(settings, channels)
    if result is None:
        print_plain("Another watch is at work on this data directory.")
        leave(ANSWERED)
    if as_json:
        say(
            {
                "incidents": [incident._asdict() for incident in result.incidents],
                "opened": [incident.key for incident in result.opened],
                "over": [incident.key for incident in result.over],
                "failing_channels": [{"name": one.name, "error": one.error} for one in result.failing],
                "channels": len(channels),
            }
        )
    else:
        for incident in result.incidents:
            print_plain(f"!! {incident.key} (since {incident.since}): {incident.what_en.splitlines()[0]}")
        for incident in result.over:
            print_plain(f"over: {incident.key}")
        for failing in result.failing:
            print_plain(f"!! channel {failing.name} takes nothing since {failing.since}: {failing.error}")
        if not channels:
            print_plain(f"!! {VARIABLE} is empty: nobody is told")
        if not result.incidents:
            print_plain("Mọi việc ổn · nothing is wrong")
    leave(UNANSWERED if result.failing or not channels else DIFFERENT if result.incidents else ANSWERED)


@click.group()
def alerts() -> None:
    """Who is told when something is wrong (THONGSUOT_ALERTS), and what is open now."""


@alerts.command("list")
@as_json
def list_alerts(as_json: bool) -> None:
    """What the last watch left open. Exit code 1: something is wrong; 2: a channel takes nothing, or there is none."""
    from pipelines.operations.channels import list_channels
    from pipelines.operations.state import read_state

    state, channels = read_state(Settings.from_env()), list_channels()
    if as_json:
        incidents = [incident._asdict() for incident in state.incidents.values()]
        names = [channel.name for channel in channels]
        failing = [
            {"name": one.name, "since": one.since, "error": one.error} for one in state.failing.values()
        ]
        say(
            {
                "looked_at": state.looked_at,
                "incidents": incidents,
                "channels": names,
                "failing_channels": failing,
            }
        )
    else:
        print_plain(f"Nhìn lần cuối · last watch: {state.looked_at or 'chưa bao giờ · never'}")
        print_plain(f"Kênh · channels: {', '.join(channel.name for channel in channels) or 'none'}")
        for failing_one in state.failing.values():
            print_plain(
                f"!! channel {failing_one.name} takes nothing since {failing_one.since}: {failing_one.error}"
            )
        for incident in state.incidents.values():
            print_plain(
                f"!! {incident.key} (từ · since {incident.since}): {incident.what_vi} · {incident.what_en}"
            )
            print_plain(f"   → {incident.next_vi} · {incident.next_en}")
    leave(UNANSWERED if state.failing or not channels else DIFFERENT if state.incidents else ANSWERED)


@alerts.command("test")
@as_json
def test_alerts(as_json: bool) -> None:
    """Send a message through every channel. Exit code 0: each took it; 1: one did not; 2: there is none."""
    from pipelines.operations.channels import VARIABLE, list_channels
    from pipelines.operations.incidents import Message

    channels = list_channels()
    if not channels:
        print_plain(
            f"{VARIABLE} is empty: write addresses such as mailto://… or json://… (docs/operations.md)."
        )
        leave(UNANSWERED)
    message = Message(
        "[Thông suốt] Thử kênh cảnh báo · a test of this channel",
        "Tin này chỉ để thử: không có việc gì xảy ra.\nThis message is a test: nothing happened.",
        "info",
    )
    errors = {channel.name: channel.send(message) for channel in channels}
    if as_json:
        say({"channels": errors})
    else:
        for name, error in errors.items():
            console.print(f"{name}: {error or 'sent'}", soft_wrap=True, highlight=False, markup=False)
    leave(DIFFERENT if any(errors.values()) else ANSWERED)
