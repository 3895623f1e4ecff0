"""The APIs of docs/examples, each against a local server of its shape."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.landing.pull import land_partition
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import Source, load_contracts
from tests.support.api import DAY, Clock, Request, Response, serving, stop_clock

EXAMPLES = PROJECT / "docs" / "examples"
SERVERS = ("https://portal.example/", "https://api.vendor.example/", "https://id.vendor.example/")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return stop_clock(monkeypatch)


def read_example(name: str, source: str, url: str, folder: Path) -> Source:
    """The source as documented, its servers replaced by a local one."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    for server in SERVERS:
        text = text.replace(server, url)
    (folder / "sources.yaml").write_text(text, encoding="utf-8")
    return load_contracts(folder / "sources.yaml").sources[source]


def test_the_portal_s_report_service_is_read_by_a_form(settings: Settings, tmp_path: Path) -> None:
    records = [
        {"ROW_STT": "1", "ID": "1", "TEN": "Hà Nội", "MA_COQUAN": "H26", "CAPDONVIID": "1", "CKMB": "17.9",
         "TDGQ": "19.02", "CLGQ": "9.5", "TTTT": "11.2", "MDHL": "17.8", "MDSH": "20.1", "TONG_SCORE": "95.52",
         "TONG_TIEP_NHAN": "1204567", "TONG_TRUC_TUYEN": "903425"},
        {"ROW_STT": "2", "ID": "2", "TEN": "Nghệ An", "MA_COQUAN": "H41", "CAPDONVIID": "1", "CKMB": "17.5",
         "TDGQ": "18.9", "CLGQ": "9.1", "TTTT": "10.8", "MDHL": "17.2", "MDSH": "19.6", "TONG_SCORE": "93.1",
         "TONG_TIEP_NHAN": "310903", "TONG_TRUC_TUYEN": "224930"},
    ]  # fmt: skip

    def answer(request: Request, number: int) -> Response:
        fields = json.loads(request.form["params"])
        is_right = list(request.form) == ["params"] and (fields["p_nam"], fields["p_thang"]) == ("2025", "08")
        return (200, records) if is_right and fields["p_tinh_id"] == 0 else (400, b"")

    with serving(answer) as api:
        source = read_example("portal_report_service.yaml", "national_ranking", api.url, tmp_path)
        batch = land_partition(source, DAY, settings, run_id="t")
    ours = pq.read_table(batch.path).to_pylist()[1]
    assert (ours["province_code"], ours["received_total"], ours["online_total"]) == (
        "H41",
        "310903",
        "224930",
    )
    assert (ours["tdgq"], ours["tongscore"]) == ("18.9", "93.1")
    assert ours["captured_at"].endswith("+0700")


def test_the_portal_s_newer_endpoint_is_asked_in_json(settings: Settings, tmp_path: Path) -> None:
    codes = [f"H{number}" for number in range(10, 44)]

    def answer(request: Request, number: int) -> Response:
        assert (request.body["fromDate"], request.body["toDate"]) == ("2025-01-01", "2025-08-06")
        at = (request.body["currentPage"] - 1) * 20
        children = [
            {
                "departmentCode": code, "departmentName": code, "totalReceived": 9, "channelOnlineSum": 4,
                "channelDirectSum": 5, "channelPostalSum": 0, "totalOnTime": 3, "totalOverdue": 1,
            }
            for code in codes[at : at + 20]
        ]  # fmt: skip
        return 200, {
            "code": "OK", "capturedAt": "2025-08-06T16:00:00+0700", "data": {"children": children},
            "paging": {"currentPage": request.body["currentPage"], "totalPages": 2},
        }  # fmt: skip

    with serving(answer) as api:
        source = read_example("portal_ranking.yaml", "national_ranking", api.url, tmp_path)
        rows = pq.read_table(land_partition(source, DAY, settings, run_id="t").path).to_pylist()
    assert [row["province_code"] for row in rows] == codes


def test_a_vendor_s_api_gives_the_local_day_of_every_agency(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENDOR_CLIENT", "nghean")
    monkeypatch.setenv("VENDOR_SECRET", "s3cret-word")
    state = {
        "dossierStatus": {"id": 1},
        "applyMethod": {"id": 0},
        "updatedDate": "2025-08-05T18:00:00.000+0000",
    }

    def answer(request: Request, number: int) -> Response:
        if request.path == "/auth/token":
            is_known = (request.form["client_id"], request.form["client_secret"]) == ("nghean", "s3cret-word")
            return (200, {"access_token": "t", "expires_in": 7200}) if is_known else (401, b"")
        if request.headers.get("Authorization") != "Bearer t":
            return 401, b""
        if request.path == "/ba/agencies":
            return 200, {"content": [{"id": "x1"}, {"id": "x2"}]}
        bounds = (request.query["from-date"], request.query["to-date"])
        assert bounds == ("2025-08-05T17:00:00.000Z", "2025-08-06T17:00:00.000Z")
        agency, page = request.query["agency-id"], int(request.query["page"])
        if agency == "x2":
            return 200, {"content": [], "totalPages": 0}
        record = {**state, "code": f"D{page}", "agency": {"code": "A1"}, "applicant": {"fullname": "Lê Mẫu"}}
        return 200, {"content": [record], "totalPages": 2}

    with serving(answer) as api:
        source = read_example("vendor_with_token.yaml", "dossier_log", api.url, tmp_path)
        batch = land_partition(source, DAY, settings, run_id="t")
    rows = pq.read_table(batch.path).to_pylist()
    assert [(row["dossier_code"], row["receiving_unit_code"]) for row in rows] == [("D0", "A1"), ("D1", "A1")]
    stored = batch.sidecar.read_text(encoding="utf-8") + str(rows)
    assert "s3cret-word" not in stored and "Lê Mẫu" not in stored


def test_every_example_is_tried() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{path.name}"' in text for path in EXAMPLES.iterdir())
