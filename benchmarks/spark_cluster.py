"""A Spark master with workers as processes on loopback, for tests and measurements; gone when they end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pipelines.settings import Settings, SparkSettings
from pipelines.warehouse.spark.extra import find_python

START_SECONDS = 120


class Worker(NamedTuple):
    """A master, or a worker with its executors: one group of processes."""

    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Cluster(NamedTuple):
    """`master`: its address; `folder`: where each process writes what it says; `memory`: of driver and executor."""

    master: str
    folder: Path
    memory: str
    workers: list[Worker]

    @property
    def spark(self) -> SparkSettings:
        return SparkSettings(
            master=self.master,
            memory=self.memory,
            settings={"spark.executor.cores": "1", "spark.task.maxFailures": "8"},
        )

    def start_worker(self) -> None:
        name = f"worker-{len(self.workers)}"
        words = (
            "--host",
            "127.0.0.1",
            "--cores",
            "1",
            "--memory",
            self.memory,
            "--work-dir",
            str(self.folder / name),
        )
        log = self.folder / f"{name}.log"
        self.workers.append(Worker(_start(log, "worker.Worker", *words, self.master)))
        _wait_for(log, "Successfully registered with master")


@contextmanager
def run_cluster(folder: Path, workers: int = 2, memory: str = "700m") -> Iterator[Cluster]:
    port, log = _find_port(), folder / "master.log"
    words = ("--host", "127.0.0.1", "--port", str(port), "--webui-port", str(_find_port()))
    master = Worker(_start(log, "master.Master", *words))
    cluster = Cluster(f"spark://127.0.0.1:{port}", folder, memory, [])
    try:
        _wait_for(log, "I have been elected leader")
        for _ in range(workers):
            cluster.start_worker()
        yield cluster
    finally:
        for process in (*cluster.workers, master):
            if process.process.poll() is None:
                process.kill()


def _start(log: Path, name: str, *words: str) -> subprocess.Popen[bytes]:
    python = find_python(Settings.from_env())
    environment = {
        **os.environ, "PYSPARK_PYTHON": str(python), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m",
    }  # fmt: skip
    with log.open("wb") as output:
        return subprocess.Popen(
            [str(python.with_name("spark-class")), f"org.apache.spark.deploy.{name}", *words],
            stdout=output, stderr=output, env=environment, cwd=log.parent, start_new_session=True,
        )  # fmt: skip


def _wait_for(log: Path, words: str) -> None:
    end, text = time.monotonic() + START_SECONDS, ""
    while time.monotonic() < end:
        text = log.read_text(encoding="utf-8", errors="replace")
        if re.search(words, text):
            return
        time.sleep(0.2)
    raise TimeoutError(f"{log.name} never said {words!r}:\n{text[-2000:]}")


def _find_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
