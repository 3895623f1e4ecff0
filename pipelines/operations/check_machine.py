"""What the doctor asks of the machine: Python, packages, permissions, clock, disk."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from pipelines import duck
from pipelines.landing.clock import TOLERANCE
from pipelines.operations.diagnosis import Diagnosis
from pipelines.operations.disk import forecast_days, measure_disk, measure_parts, spell_size
from pipelines.operations.future import describe_future_records
from pipelines.operations.state import read_state
from pipelines.operations.thresholds import Thresholds
from pipelines.plain_files import TooDeep, walk_below
from pipelines.settings import LOCAL_ZONE, PRIVATE_FOLDER, PRIVATE_UMASK, Settings

# Enough of them to see what is wrong.
MOST_NAMES = 3
PINNED = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)$")


def check_python(settings: Settings) -> Iterator[Diagnosis]:
    supported = metadata("thongsuot")["Requires-Python"]
    lowest, highest = sorted(
        tuple(map(int, limit.split("."))) for limit in re.findall(r"\d+\.\d+", supported)
    )
    text = f"Python {platform.python_version()}, thongsuot {version('thongsuot')} (it needs {supported})"
    if lowest <= sys.version_info[:2] < highest:
        yield Diagnosis("python", "ok", text)
    else:
        yield Diagnosis(
            "python", "fail", text, "install with another Python: `make install PYTHON=python3.11`"
        )


def check_packages(settings: Settings) -> Iterator[Diagnosis]:
    """What pyproject.toml pins to one version is installed in that version."""
    wrong = []
    pins = [
        match for line in requires("thongsuot") or () if (match := PINNED.match(line.split(";")[0].strip()))
    ]
    for name, expected in (match.groups() for match in pins):
        try:
            present = version(name)
        except PackageNotFoundError:
            present = "none"
        if present != expected:
            wrong.append(f"{name} is {present}, not {expected}")
    if wrong:
        yield Diagnosis(
            "packages", "fail", "; ".join(wrong), "install from requirements.lock: `make install`"
        )
    else:
        yield Diagnosis("packages", "ok", f"{len(pins)} pinned packages are in their versions")


def check_extensions(settings: Settings) -> Iterator[Diagnosis]:
    """DuckDB's extensions come from packages; none is downloaded."""
    missing = []
    with closing(duck.connect(settings.extensions)) as con:
        for name in duck.EXTENSIONS:
            try:
                con.execute(f"load {name}")
            except Exception as error:
                missing.append(f"{name}: {str(error).splitlines()[0]}")
    if missing:
        yield Diagnosis(
            "extensions", "fail", "; ".join(missing), "install from requirements.lock: `make install`"
        )
    else:
        yield Diagnosis("extensions", "ok", f"DuckDB loads {', '.join(duck.EXTENSIONS)}")


def check_permissions(settings: Settings) -> Iterator[Diagnosis]:
    """The directory is closed; what is open to others, or another account's, is named."""
    about = settings.data.stat()
    if about.st_uid != os.geteuid():
        user = os.environ.get("USER", str(os.geteuid()))
        step = f"sudo chown -R {user} {settings.data}, or run as its account"
        yield Diagnosis("permissions", "fail", f"{settings.data} belongs to account {about.st_uid}", step)
        return
    if about.st_mode & PRIVATE_UMASK:
        text = f"{settings.data} is open to other accounts ({about.st_mode & 0o777:o})"
        yield Diagnosis("permissions", "fail", text, f"chmod {PRIVATE_FOLDER:o} {settings.data}")
        return
    open_files, foreign = [], []
    try:
        private = list(_list_private(settings))
    except TooDeep as error:
        yield Diagnosis(
            "permissions", "fail", str(error.strerror), f"look below {settings.data}, and take it away"
        )
        return
    for path in private:
        with suppress(OSError):
            one = path.lstat()
            if one.st_uid != os.geteuid():
                foreign.append(path)
            elif one.st_mode & PRIVATE_UMASK and not path.is_symlink():
                open_files.append(path)
    if foreign:
        step = f"sudo chown -R {os.environ.get('USER', str(os.geteuid()))} {settings.data}"
        yield Diagnosis("permissions", "fail", f"of another account: {_name_some(foreign)}", step)
    elif open_files:
        text = (
            f"{len(open_files)} files are open to others, behind a closed directory: {_name_some(open_files)}"
        )
        yield Diagnosis("permissions", "warn", text, f"chmod -R go= {settings.data}, exports excepted")
    else:
        yield Diagnosis("permissions", "ok", f"{settings.data} is this account's alone")


def _list_private(settings: Settings) -> Iterator[Path]:
    """All that lies there but the exports, which are for readers."""
    for folder, folders, names in walk_below(settings.data):
        if folder == settings.data:
            folders[:] = [name for name in folders if name != settings.exports.name]
        else:
            yield folder
        yield from (folder / name for name in names)


def _name_some(paths: list[Path]) -> str:
    more = f" and {len(paths) - MOST_NAMES} more" if len(paths) > MOST_NAMES else ""
    return ", ".join(map(str, paths[:MOST_NAMES])) + more


def check_clock(settings: Settings) -> Iterator[Diagnosis]:
    """Against what was written already, and whether the system keeps it by the network."""
    local = datetime.now(LOCAL_ZONE).replace(tzinfo=None)
    future = list(describe_future_records(settings, local, read_state(settings)))
    ahead = datetime.now(UTC) + TOLERANCE
    newer = [
        path for path in (settings.lake / "catalog.sqlite", settings.data / "writer.lock")
        if path.exists() and datetime.fromtimestamp(path.stat().st_mtime, UTC) > ahead
    ]  # fmt: skip
    step = "set the clock (`timedatectl set-ntp true`), then pull the days again with `--again`"
    if future or newer:
        text = future[0] if future else f"{newer[0]} was written in the future"
        yield Diagnosis("clock", "fail", text, step)
    elif _is_synchronized() is False:
        yield Diagnosis("clock", "warn", "the clock is not kept by the network", "timedatectl set-ntp true")
    else:
        yield Diagnosis(
            "clock", "ok", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, nothing was written after it"
        )


def _is_synchronized() -> bool | None:
    """None where the system does not say."""
    command = shutil.which("timedatectl")
    if command is None:
        return None
    words = [command, "show", "--property=NTPSynchronized", "--value"]
    with suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run(words, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
        return {"yes": True, "no": False}.get(answer)
    return None


def check_disk(settings: Settings) -> Iterator[Diagnosis]:
    """Free space, at what pace it goes, and where it went."""
    disk, thresholds = measure_disk(settings), Thresholds.from_env()
    days = forecast_days(read_state(settings).disk)
    parts = [f"{name} {spell_size(size)}" for name, size in list(measure_parts(settings).items())[:6]]
    pace = f"; full in {days:.0f} days at this pace" if days else ""
    text = f"{spell_size(disk.free)} free ({disk.free_share:.0%}){pace}: {', '.join(parts)}"
    step = "thongsuot releases prune, or a larger disk (docs/operations.md#disk_filling)"
    if disk.free_share < thresholds.free_share:
        yield Diagnosis("disk", "fail", text, step)
    elif days is not None and days <= thresholds.days_until_full:
        yield Diagnosis("disk", "warn", text, step)
    else:
        yield Diagnosis("disk", "ok", text)
