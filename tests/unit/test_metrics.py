"""Metrics are Prometheus's own format, say what is, and leave out what cannot be read; the rules name them rightly."""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest
import yaml
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from pipelines.cli import main
from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.operations.metrics import METRICS, PARTS, Sample, write_metrics
from pipelines.operations.records import LastBackup, record_backup, record_verification
from pipelines.operations.thresholds import Thresholds
from pipelines.settings import LOCAL_ZONE, PROJECT, Settings
from tests.support.small_lake import deliver, release

RULES = yaml.safe_load((PROJECT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
PAGE = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")


def read_metrics(settings: Settings) -> dict[tuple[str, str], float]:
    """(name without the prefix, value of its label) → value."""
    return {
        (sample.name.removeprefix("thongsuot_"), "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(write_metrics(settings))
        for sample in family.samples
    }


def test_metrics_say_what_the_lake_the_landing_and_the_records_say(settings: Settings) -> None:
    release(settings, [("a", 1), ("b", 2)])
    release(settings, [("a", 1), ("b", 3), ("c", 3)])
    deliver(settings, rows=5)
    record_verification(settings, ["one", "two"], "head")
    record_backup(settings, LastBackup("2025-08-06T02:00:00", "/backup", True, 7))
    metrics = read_metrics(settings)
    with open_lake(settings) as con:
        newest = list_releases(con)[-1]
    assert metrics["releases", ""] == 2 and metrics["hold_open", ""] == 0
    assert metrics["mart_rows", "marts.task"] == 3
    assert (
        metrics["release_as_of_timestamp_seconds", ""] == newest.as_of.replace(tzinfo=LOCAL_ZONE).timestamp()
    )
    assert metrics["source_rows", "dossier_log"] == 5
    assert metrics["source_freshness_seconds", "dossier_log"] == 30 * 3600
    assert metrics["verify_findings", ""] == 2
    expected = datetime(2025, 8, 6, 2, tzinfo=LOCAL_ZONE).timestamp()
    assert metrics["backup_timestamp_seconds", ""] == expected
    assert metrics["data_bytes", "lake"] > 0 and metrics["unreadable", "lake"] == 0


def test_a_name_from_a_record_adds_no_metric_and_a_value_that_is_none_hides_no_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = 'x"} 1\nthongsuot_verify_findings 0\x1b\ud800\u2028'
    monkeypatch.setitem(
        PARTS, "watch", lambda _: iter([Sample("incidents_open", 2, kind), Sample("incidents_open", 1)])
    )
    monkeypatch.setitem(PARTS, "lake", lambda _: iter([Sample("mart_rows", "many", "marts.task")]))  # type: ignore[arg-type]
    metrics = read_metrics(settings)
    assert ("verify_findings", "") not in metrics and metrics["unreadable", "lake"] == 1
    assert {value for (name, _), value in metrics.items() if name == "incidents_open"} == {1, 2}
    assert metrics["unreadable", "disk"] == 0


def test_what_nobody_measured_is_absent_and_what_cannot_be_read_is_told(settings: Settings) -> None:
    metrics = read_metrics(settings)
    assert ("backup_timestamp_seconds", "") not in metrics and ("hold_open", "") not in metrics
    (settings.data / "operations").mkdir()
    (settings.data / "operations" / "verified.json").write_text("spoilt")
    metrics = read_metrics(settings)
    assert metrics["unreadable", "records"] == 1 and metrics["unreadable", "disk"] == 0


def test_a_file_for_the_collector_is_written_whole_and_readable(settings: Settings) -> None:
    file = settings.data.parent / "thongsuot.prom"
    env = {"THONGSUOT_DATA": str(settings.data)}
    assert CliRunner().invoke(main, ["metrics", "--to", str(file)], env=env).exit_code == 0
    assert "thongsuot_disk_free_bytes" in file.read_text() and file.stat().st_mode & 0o777 == 0o644
    assert CliRunner().invoke(main, ["metrics"], env={"THONGSUOT_DATA": "/nowhere"}).exit_code == 2


@pytest.mark.parametrize("rule", RULES["groups"][0]["rules"], ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_metrics_that_there_are_and_names_a_section(rule: dict[str, object]) -> None:
    names = set(re.findall(r"thongsuot_(\w+)", str(rule["expr"])))
    assert names and names <= set(METRICS)
    annotations = rule["annotations"]
    assert isinstance(annotations, dict)
    anchor = annotations["runbook"].partition("#")[2]
    assert re.search(rf"^#+ {anchor}$", PAGE.lower(), re.MULTILINE)


def test_the_rules_have_the_limits_of_the_watch() -> None:
    limits = Thresholds()
    expressions = {rule["alert"]: rule["expr"] for rule in RULES["groups"][0]["rules"]}
    assert f"> {limits.backup_hours} * 3600" in expressions["ThongsuotBackupOld"]
    assert expressions["ThongsuotDiskFilling"].endswith(f"< {limits.free_share:.2f}")


def test_the_dashboard_shows_metrics_that_there_are_by_labels_that_they_have() -> None:
    """And every metric of operation is on it, but for the newest run's success, which the alerts tell of."""
    dashboard = json.loads((PROJECT / "deploy" / "prometheus" / "dashboard.json").read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    on_panels = set()
    for target in (target for panel in panels for target in panel["targets"]):
        names = set(re.findall(r"thongsuot_(\w+)", target["expr"]))
        labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        assert names and names <= set(METRICS) and labels <= {METRICS[name][0] for name in names}, target
        on_panels |= names
    assert set(METRICS) - on_panels == {"run_success", "run_ended_timestamp_seconds", "disk_total_bytes"}
