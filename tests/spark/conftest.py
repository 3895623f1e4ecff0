"""A real Spark: a master and two workers as processes on loopback. Run by `make test-spark`, and by `CI_SLOW=1` where
the extra is installed; with `THONGSUOT_TEST_SPARK=on` a missing extra fails by name."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from benchmarks.spark_cluster import Cluster, run_cluster
from pipelines.warehouse.spark.extra import PYTHON

collect_ignore = []
if os.environ.get("THONGSUOT_TEST_SPARK") != "on" and not (
    os.environ.get("CI_SLOW") == "1" and PYTHON.exists()
):
    collect_ignore.append("test_cluster.py")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with run_cluster(tmp_path_factory.mktemp("spark")) as running:
        yield running
