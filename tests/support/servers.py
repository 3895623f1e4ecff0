"""A bucket of the S3 kind on this machine, by rclone: nothing leaves loopback."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from pipelines.addresses import LakeServers

KEY_ID, SECRET = "thongsuot", "mot-khoa-that-dai"


def find_free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Bucket(NamedTuple):
    """`folder`: where its objects lie, one file each."""

    endpoint: str
    folder: Path
    process: subprocess.Popen[bytes]

    def notice_changes(self) -> None:
        """What was done to the folder beside the server: it remembers what lies there."""
        self.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)


@contextmanager
def serve_bucket(folder: Path) -> Iterator[Bucket]:
    """`folder` is made, and is the bucket."""
    folder.mkdir(parents=True)
    port = find_free_port()
    program = shutil.which("rclone", path=str(Path(sys.executable).parent))
    assert program
    command = [
        program, "serve", "s3", str(folder.parent), "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY_ID},{SECRET}",
        "--vfs-cache-mode", "off", "--config", "",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield Bucket(f"http://127.0.0.1:{port}", folder, process)
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with closing(socket.socket()) as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("rclone does not answer")


def lay_out_servers(postgres: str, bucket: Bucket, room: str) -> LakeServers:
    """`postgres`: an empty database; the files will lie in this room of the bucket."""
    return LakeServers(
        postgres, f"s3://{bucket.folder.name}/{room}/", bucket.endpoint, "us-east-1", KEY_ID, SECRET
    )
