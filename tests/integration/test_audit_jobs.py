"""The same questions asked through Dagster: the weekly check that fails loudly, the restore that asks first."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.landing.withdrawals import find_withdrawn
from pipelines.settings import Settings
from tests.support.copies import copy_installation

pytestmark = pytest.mark.slow

# By the command, then by jobs: in one process, which pays Dagster's imports once.
ASK = """
import json, shutil, sys
from click.testing import CliRunner
from pipelines.cli import main
words = ["releases", "restore", "3", "--reason", "a wrong map", "--yes"]
restored = CliRunner().invoke(main, words)
assert restored.exit_code == 0, restored.output
shutil.rmtree(sys.argv[1])
from pipelines.definitions import defs
def run(job, **config):
    done = defs.resolve_job_def(job).execute_in_process(run_config=config or None, raise_on_error=False)
    checks = [e.event_specific_data.passed for e in done.all_events
              if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    told = " ".join(e.event_specific_data.error.message for e in done.all_events
                    if e.event_type_value == "STEP_FAILURE")
    return done.success, checks, told
phrase = {"release": {"config": {"restore": 3, "confirm": "restore release 3"}}}
accept = {"release": {"config": {"accept": 1, "author": "a page"}}}
order = {"record_withdrawal": {"config": {"day": "2025-08-05", "by": "a page", "reason": "none"}}}
print(json.dumps([run("verify"), run("restore"), run("restore", ops=phrase), run("restore", ops=accept),
                  run("accept_held", ops=accept), run("withdraw", ops=order)]))
"""


def test_verify_and_restore_run_as_jobs_and_restore_asks_to_be_confirmed(
    week: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    copy_installation(week.data, data, "demo", ".rebuild.*")
    settings = Settings(data=data, sources_file=data / "sources.yaml")
    monkeypatch.setenv("THONGSUOT_DATA", str(data))
    monkeypatch.setenv("THONGSUOT_SOURCES", str(settings.sources_file))
    monkeypatch.setenv("THONGSUOT_EXPORTS", "marts_duckdb")
    lost = data / "landing" / "dossier_log" / "2025-07-15"
    process = subprocess.run(
        [sys.executable, "-c", ASK, str(lost)], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-2000:]
    verified, *unconfirmed = json.loads(process.stdout.strip().splitlines()[-1])
    assert verified[:2] == [False, [False]] and "dossier_log 2025-07-15" in verified[2]
    for success, _, words in unconfirmed:
        assert not success and "Nothing was changed" in words
        assert re.search("thongsuot (releases|batches) confirm", words), words
    assert find_withdrawn(settings.landing) == frozenset()
    with open_lake(settings) as con:
        newest = ledger.list_releases(con)[-1]
    assert (newest.release_id, newest.restores, newest.reason) == (9, 3, "a wrong map")
