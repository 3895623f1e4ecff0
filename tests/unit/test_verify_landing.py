"""Received data changed behind the releases' back: the rows, or what is noted beside them of their pull."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.landing.batches import Batch, list_batches
from pipelines.releases.verify import verify_releases
from pipelines.runs.remarks import list_clock_remarks
from pipelines.settings import Settings
from tests.support.small_lake import night

Tamper = Callable[[Batch], None]


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data=tmp_path_factory.mktemp("landed"))
    for number in (1, 2):
        night(settings, number)
    return settings


@pytest.fixture
def copy(two_nights: Settings, tmp_path: Path) -> Settings:
    """The same, free to be spoilt."""
    shutil.copytree(two_nights.data, tmp_path / "data", symlinks=True)
    return Settings(data=tmp_path / "data")


def edit(batch: Batch) -> None:
    batch.path.write_bytes(batch.path.read_bytes() + b"x")


def delete(batch: Batch) -> None:
    batch.path.unlink()


def delete_sidecar(batch: Batch) -> None:
    batch.sidecar.unlink()


def cut_short(batch: Batch) -> None:
    batch.sidecar.write_text(batch.sidecar.read_text()[:40])


def leave_a_pipe(batch: Batch) -> None:
    """Who reads it waits for ever."""
    batch.path.unlink()
    os.mkfifo(batch.path)


def leave_a_pipe_for_a_sidecar(batch: Batch) -> None:
    batch.sidecar.unlink()
    os.mkfifo(batch.sidecar)


def nest_deeply(batch: Batch) -> None:
    batch.sidecar.write_text("[" * 100_000)


def say(key: str, value: object) -> Tamper:
    def tamper(batch: Batch) -> None:
        sidecar = json.loads(batch.sidecar.read_text())
        assert sidecar[key] != value
        batch.sidecar.write_text(json.dumps(sidecar | {key: value}))

    return tamper


OTHERWISE = "the sidecar of dossier_log 2025-08-01, batch {batch} says another `{key}` than was published"
BATCH = "dossier_log 2025-08-01, batch {batch}"


@pytest.mark.parametrize(
    ("tamper", "kind", "text"),
    [
        pytest.param(edit, "edited_batch", f"the bytes of {BATCH} no longer match its SHA-256", id="bytes"),
        pytest.param(delete, "missing_batch", f"{BATCH} is missing", id="file deleted"),
        pytest.param(delete_sidecar, "missing_batch",
                     f"the sidecar of {BATCH} is missing, so it counts no more", id="sidecar deleted"),
        pytest.param(cut_short, "edited_sidecar", f"the sidecar of {BATCH} cannot be read",
                     id="sidecar cut short"),
        pytest.param(leave_a_pipe, "edited_batch", f"the bytes of {BATCH} no longer match its SHA-256", id="pipe"),
        pytest.param(leave_a_pipe_for_a_sidecar, "edited_sidecar", f"the sidecar of {BATCH} cannot be read",
                     id="sidecar a pipe"),
        pytest.param(nest_deeply, "edited_sidecar", f"the sidecar of {BATCH} cannot be read", id="sidecar nested"),
        *(
            pytest.param(say(key, value), "edited_sidecar", OTHERWISE.replace("{key}", key), id=key)
            for key, value in {
                "origin": "postgresql://other", "pulled_at": "2020-01-01 00:00:00", "run_id": "another",
                "rows": 2, "sha256": "0" * 64, "schema_fingerprint": "0" * 16, "partition": "2025-08-02",
                "source": "task_tracker", "batch_id": "20250801T000000000000Z-00000000",
            }.items()
        ),
    ],
)  # fmt: skip
def test_what_was_received_is_what_was_published(
    copy: Settings, tamper: Tamper, kind: str, text: str
) -> None:
    batch = next(list_batches(copy.landing))
    tamper(batch)
    findings = [(finding.kind, finding.text) for finding in verify_releases(copy).findings]
    assert findings == [(kind, f"landing: {text.format(batch=batch.batch_id)}")]


def test_a_batch_that_no_release_knows_yet_is_no_finding(copy: Settings) -> None:
    batch = next(list_batches(copy.landing))
    for path in (batch.path, batch.sidecar):
        shutil.copy(path, path.with_stem("29991231T000000000000Z-00000000"))
    assert verify_releases(copy).findings == []


def test_a_batch_pulled_by_a_clock_that_ran_ahead_is_told(copy: Settings) -> None:
    """It counts for its day until another is pulled, which counts after it whatever the clock then says."""
    batch = next(list_batches(copy.landing))
    ahead = batch.sidecar.with_stem("29991231T000000000000Z-00000000")
    shutil.copy(batch.path, ahead.with_suffix(".parquet"))
    content = json.loads(batch.sidecar.read_text()) | {
        "batch_id": ahead.stem,
        "pulled_at": "2999-12-31 00:00:00",
    }
    ahead.write_text(json.dumps(content))
    [finding] = verify_releases(copy).findings
    assert finding.kind == "clock_ahead" and batch.source in finding.text and "2999-12-31" in finding.text
    # Every run says it, too.
    [remark] = list_clock_remarks(copy)
    assert batch.source in remark and f"`thongsuot run --again --partition {batch.partition}`" in remark
