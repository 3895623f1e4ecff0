"""A run as OpenLineage events at a real receiver; none by default, and a receiver that fails ends nothing."""

import json
import os
import socket
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dagster import AssetExecutionContext, DagsterInstance, asset, materialize

from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.landing.batches import write_batch
from pipelines.masking import mask_secrets
from pipelines.operations.check_service import check_lineage
from pipelines.releases.publish import publish
from pipelines.runs import lineage, lineage_receiver
from pipelines.runs.lineage import is_lineage_on, read_last_delivery
from pipelines.runs.lineage_receiver import open_client
from pipelines.settings import Settings
from tests.support.mail import find_free_port, serve_webhook
from tests.support.small_lake import build

NAMESPACE = "thongsuot://40"


@pytest.fixture(autouse=True)
def without_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package sets variables of its own, which outlive a test."""
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)
    open_client.cache_clear()


def write_rows(out: Path) -> tuple[str]:
    pq.write_table(pa.table({"_row": pa.array([1, 2], pa.int64())}), out)
    return ("by hand",)


@asset
def release(context: AssetExecutionContext) -> None:
    """A batch, a build of two tables, a release: as a night, and in a second."""
    settings = Settings.from_env()
    write_batch(settings.landing, "dossier_log", "2025-08-06", write_rows, run_id=context.run_id)
    build(settings, [("a", 1), ("b", None)])
    publish(settings, run_id=context.run_id, author="night", reason="night")


@asset
def failing() -> None:
    raise ValueError("the source says no")


def list_fields(caplog: pytest.LogCaptureFixture) -> str:
    return str([getattr(record, "fields", None) for record in caplog.records])


def name_receiver(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "k3y-of-the-receiver")


def test_a_run_tells_its_start_and_its_end_with_what_it_read_and_published(
    instance: DagsterInstance, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_webhook() as receiver:
        name_receiver(monkeypatch, receiver.server_address[1])
        run_id = materialize([release], instance=instance).run_id
        start, complete = receiver.messages
    assert [event["eventType"] for event in (start, complete)] == ["START", "COMPLETE"]
    assert {event["run"]["runId"] for event in (start, complete)} == {run_id}
    assert start["job"]["namespace"] == NAMESPACE and "sourceCodeLocation" not in start["job"]["facets"]
    [source] = complete["inputs"]
    assert (source["namespace"], source["name"]) == (NAMESPACE, "landing.dossier_log")
    assert source["inputFacets"]["inputStatistics"]["rowCount"] == 2
    with open_lake(settings) as con:
        [published] = list_releases(con)
    outputs = {output["name"]: output for output in complete["outputs"]}
    assert sorted(outputs) == ["marts.counts", "marts.task"]
    task = outputs["marts.task"]
    assert [(f["name"], f["type"]) for f in task["facets"]["schema"]["fields"]] == [
        ("code", "VARCHAR"), ("n", "INTEGER"),
    ]  # fmt: skip
    assert task["facets"]["version"]["datasetVersion"] == published.marts["marts.task"].sha256
    assert task["outputFacets"]["outputStatistics"]["rowCount"] == 2
    tags = {tag["key"]: tag["value"] for tag in complete["run"]["facets"]["tags"]["tags"]}
    assert tags["release_hash"] == published.release_hash and tags["release"] == "1"
    [line] = check_lineage(settings)
    assert line.level == "ok"


def test_a_run_that_fails_says_so_and_names_no_output(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_webhook() as receiver:
        name_receiver(monkeypatch, receiver.server_address[1])
        materialize([failing], instance=instance, raise_on_error=False)
        start, fail = receiver.messages
    assert (start["eventType"], fail["eventType"]) == ("START", "FAIL")
    assert "failing" in fail["run"]["facets"]["errorMessage"]["message"] and fail["outputs"] == []


@asset
def release_before_a_failure(context: AssetExecutionContext) -> None:
    """What follows a release breaks; another run has published meanwhile, with another table."""
    settings = Settings.from_env()
    build(settings, [("a", 1), ("b", None)])
    publish(settings, run_id=context.run_id, author="night", reason="night")
    build(settings, [("a", 1)])
    publish(settings, run_id="another", author="operator", reason="by hand")
    raise ConnectionError("no export")


def test_a_release_is_told_though_its_run_failed_later_and_another_published_since(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_webhook() as receiver:
        name_receiver(monkeypatch, receiver.server_address[1])
        materialize([release_before_a_failure], instance=instance, raise_on_error=False)
        start, fail = receiver.messages
    assert fail["eventType"] == "FAIL" and start["outputs"] == []
    rows = {
        output["name"]: output["outputFacets"]["outputStatistics"]["rowCount"] for output in fail["outputs"]
    }
    assert rows == {"marts.counts": 1, "marts.task": 2}
    tags = {tag["key"]: tag["value"] for tag in fail["run"]["facets"]["tags"]["tags"]}
    assert tags["release"] == "1" and "release_before_a_failure" in str(fail["run"]["facets"]["errorMessage"])


def test_a_run_that_ends_while_the_lake_cannot_be_read_tells_its_end(
    instance: DagsterInstance, settings: Settings, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    catalogue = settings.lake / "catalog.sqlite"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_bytes(b"no catalogue" * 100)
    with serve_webhook() as receiver:
        name_receiver(monkeypatch, receiver.server_address[1])
        materialize([failing], instance=instance, raise_on_error=False)
        start, fail = receiver.messages
    assert (start["eventType"], fail["eventType"], fail["outputs"]) == ("START", "FAIL", [])
    assert "lineage is told no release" in caplog.text


@pytest.mark.parametrize("kind", ["nobody listens", "it refuses"])
def test_a_receiver_that_fails_ends_no_run_and_is_named_by_the_doctor(
    kind: str, instance: DagsterInstance, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_webhook() as receiver:
        receiver.status = 403
        port = find_free_port() if kind == "nobody listens" else receiver.server_address[1]
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__RETRY", '{"total": 0}')
        assert materialize([release], instance=instance).success
    delivery = read_last_delivery(settings)
    assert delivery and delivery.error
    [line] = check_lineage(settings)
    assert line.level == "warn" and "docs/operations.md#lineage" in line.next_step


@pytest.mark.parametrize("has_own_words", [False, True])
def test_a_receiver_that_never_answers_is_waited_for_once_unless_its_settings_say_otherwise(
    has_own_words: bool, instance: DagsterInstance, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage_receiver, "PATIENCE", (0.1, 0.1))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        if has_own_words:
            monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
            monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", url)
            monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TIMEOUT", "0.05")
            monkeypatch.setenv("OPENLINEAGE__TRANSPORT__RETRY", '{"total": 2, "backoff_factor": 0}')
        else:
            monkeypatch.setenv("OPENLINEAGE_URL", url)
        materialize([failing], instance=instance, raise_on_error=False)
        silent.setblocking(False)
        tries = 0
        with suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                tries += 1
    delivery = read_last_delivery(settings)
    assert delivery and ("timeout=0.05" if has_own_words else "timeout=0.1") in delivery.error
    assert tries == 2 * (3 if has_own_words else 1)  # at its start and at its end


def test_settings_that_cannot_be_read_end_no_run_either(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = materialize([failing], instance=instance, raise_on_error=False).run_id
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("THONGSUOT_LOG", "no such kind")
    for entry in instance.all_logs(run_id):
        lineage.tell_lineage(entry)
    assert "THONGSUOT_LOG is text or json" in list_fields(caplog)


PASSWORD, KEY = "matkhau-bi-mat", "khoa-bi-mat-2026"


@pytest.mark.parametrize("kind", ["short names", "the package's own names", "a file"])
def test_no_login_or_key_of_the_receivers_address_is_told(
    kind: str, instance: DagsterInstance, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """What refuses is told with its whole address."""
    with serve_webhook() as receiver:
        receiver.status = 403
        url = f"http://thu:{PASSWORD}@127.0.0.1:{receiver.server_address[1]}"
        endpoint = f"api/v1/lineage?api-key={KEY}"
        if kind == "short names":
            monkeypatch.setenv("OPENLINEAGE_URL", url)
            monkeypatch.setenv("OPENLINEAGE_ENDPOINT", endpoint)
        elif kind == "a file":
            file = tmp_path / "openlineage.yml"
            file.write_text(f"transport: {{type: http, url: '{url}', endpoint: '{endpoint}'}}\n")
            monkeypatch.setenv("OPENLINEAGE_CONFIG", str(file))
        else:
            transport = json.dumps({"type": "http", "url": url, "endpoint": endpoint})
            monkeypatch.setenv("OPENLINEAGE__TRANSPORT", transport)
            monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
        materialize([failing], instance=instance, raise_on_error=False)
    recorded = lineage.record_file(settings).read_text(encoding="utf-8")
    [line] = check_lineage(settings)
    logged = list_fields(caplog)
    assert "403" in recorded and "403" in logged
    for text in (recorded, line.text, logged):
        assert PASSWORD not in text and KEY not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENLINEAGE__TRANSPORT__AUTH", f'{{"type": "api_key", "apiKey": "{KEY}"}}'),
        ("OPENLINEAGE__TRANSPORT__AUTH__APIKEY", KEY),
        ("OPENLINEAGE__TRANSPORT__CUSTOM_HEADERS", f'{{"X-Api-Key": "{KEY}"}}'),
        ("OPENLINEAGE__TRANSPORT__CONFIG__SASL.PASSWORD", KEY),
        ("OPENLINEAGE__TRANSPORT__TRANSPORTS", f'[{{"type": "http", "url": "https://u:{KEY}@x.example"}}]'),
    ],
)
def test_a_secret_in_any_of_the_receivers_variables_is_masked(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "console")
    monkeypatch.setenv(name, value)
    open_client()
    assert mask_secrets(f"refused: {KEY} as api_key") == "refused: *** as api_key"


def test_nothing_is_sent_where_no_receiver_is_named(instance: DagsterInstance, settings: Settings) -> None:
    assert materialize([release], instance=instance).success
    assert not is_lineage_on() and read_last_delivery(settings) is None and not list(check_lineage(settings))
    assert not is_lineage_on({"OPENLINEAGE_URL": "http://x", "OPENLINEAGE_DISABLED": "True"})
