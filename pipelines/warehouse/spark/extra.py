"""What a build on Spark needs beside this environment: a Python that has pyspark, and Java; named where missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from pipelines.settings import PROJECT, Settings
from pipelines.warehouse.dbt import DbtError

PYTHON = PROJECT / ".venv-spark" / "bin" / "python"
JAVA = 17
VERSION = re.compile(r'version "(?:1\.)?(\d+)')


class SparkMissing(DbtError):
    """Nothing can be built on Spark here; the text says in one line what to install."""


def find_python(settings: Settings) -> Path:
    """SparkMissing where the extra is not installed."""
    python = Path(settings.spark.python) if settings.spark.python else PYTHON
    is_there = python.exists() and any(
        python.parent.parent.glob("lib/python*/site-packages/pyspark/version.py")
    )
    if not is_there:
        raise SparkMissing(
            f"THONGSUOT_ENGINE=spark needs pyspark, and {python} has none: run `make install-spark`, or name a Python "
            "that has it in THONGSUOT_SPARK_PYTHON. Nothing was built; the last release is still served."
        )
    return python


def check_java() -> None:
    """SparkMissing where there is no Java, or one that is too old."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    try:
        answer = subprocess.run(
            [java or "java", "-version"], capture_output=True, text=True, check=False
        ).stderr
    except OSError:
        answer = ""
    match = VERSION.search(answer)
    if match and int(match.group(1)) >= JAVA:
        return
    there = f"{java} is Java {match.group(1)}" if match else f"{java or 'java on the PATH'} does not start"
    raise SparkMissing(
        f"THONGSUOT_ENGINE=spark needs Java {JAVA} or newer, and {there}: install it (Debian: "
        f"openjdk-{JAVA}-jre-headless) or name its folder in JAVA_HOME. Nothing was built; the last release is still "
        "served."
    )


def check_spark(settings: Settings) -> None:
    """SparkMissing, before anything is done, where the settings ask for an engine that is not here."""
    if settings.engine == "spark":
        find_python(settings)
        check_java()
