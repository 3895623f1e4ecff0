"""What a command costs with every process that works for it, Java's included: wall, CPU and peak memory by kind.

A command that takes too long is ended, and what it had cost until then is said with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import psutil

EVERY_SECONDS = 0.3
# A word of the command line → what such a process is; the first that is there.
KINDS = {"CoarseGrained": "executor", "SparkSubmit": "driver", "spark.deploy.": "daemon"}


class TreeCost(NamedTuple):
    """`cpu`: kind of process → seconds of all of that kind; `mib`: kind → peak of one of them. `fault`: empty where the
    command came to its end."""

    wall: float
    cpu: Mapping[str, float]
    mib: Mapping[str, float]
    fault: str
    output: str


def measure_tree(
    command: Sequence[str], environment: Mapping[str, str], others: Sequence[int] = (), limit: float = 3600
) -> TreeCost:
    """Run it to its end, or for `limit` seconds. `others`: processes that work for it, too, with their children."""
    start, cpu, mib = time.monotonic(), dict[int, tuple[str, float]](), dict[str, float]()
    before = {process.pid: _read_cpu(process) for process in _list_trees(others)}
    fault = ""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env=dict(environment), stdout=output, stderr=output, start_new_session=True
        )
        try:
            while process.poll() is None:
                for member in _list_trees([process.pid, *others]):
                    with suppress(psutil.Error):
                        kind = _name_kind(member)
                        cpu[member.pid] = kind, _read_cpu(member) - before.get(member.pid, 0.0)
                        mib[kind] = max(mib.get(kind, 0.0), member.memory_info().rss / 2**20)
                if time.monotonic() - start > limit:
                    fault = f"not finished in {limit:.0f} s"
                    break
                time.sleep(EVERY_SECONDS)
        finally:
            wall = time.monotonic() - start
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode and not fault:
        fault = f"failed: {text.strip().rpartition(chr(10))[2][:300]}"
    return TreeCost(wall, _sum_by_kind(cpu), mib, fault, text)


def _sum_by_kind(cpu: Mapping[int, tuple[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for kind, seconds in cpu.values():
        sums[kind] = sums.get(kind, 0.0) + seconds
    return sums


def _list_trees(pids: Sequence[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            yield process
            yield from process.children(recursive=True)


def _read_cpu(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _name_kind(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    return next((kind for word, kind in KINDS.items() if word in words), "python")
