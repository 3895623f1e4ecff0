"""A reader of Superset's REST API: what a chart holds, and what a dashboard's filters stand on."""

from __future__ import annotations

import json
from typing import Any

import requests

from pipelines.superset.process import Server

Row = dict[str, Any]


class Reader:
    """One signed-in session; answers are Superset's own, errors fail with its words."""

    def __init__(self, server: Server) -> None:
        self._api = f"{server.url}/api/v1"
        self._session = requests.Session()
        account = {"username": server.account, "password": server.password}
        signed = self.call("POST", "/security/login", account | {"provider": "db", "refresh": True})
        self._session.headers["Authorization"] = f"Bearer {signed['access_token']}"
        self._session.headers["X-CSRFToken"] = self.call("GET", "/security/csrf_token/")["result"]
        self._session.headers["Referer"] = server.url

    def charts(self) -> dict[str, int]:
        """uuid → id."""
        charts = self.call("GET", "/chart/?q=(page_size:100,columns:!(id,uuid))")["result"]
        return {chart["uuid"]: chart["id"] for chart in charts}

    def filters(self, slug: str) -> list[Row]:
        """The dashboard's native filters."""
        dashboard = self.call("GET", f"/dashboard/{slug}")["result"]
        return json.loads(dashboard["json_metadata"])["native_filter_configuration"]

    def charts_of(self, slug: str) -> set[int]:
        return {chart["id"] for chart in self.call("GET", f"/dashboard/{slug}/charts")["result"]}

    def rows(self, chart: int, chosen: dict[str, str]) -> list[Row]:
        """The chart's own query with the filters' values (column → value), before it is pivoted for drawing."""
        context = json.loads(self.call("GET", f"/chart/{chart}")["result"]["query_context"])
        (query,) = context["queries"]
        query["filters"] += [{"col": c, "op": "IN", "val": [v]} for c, v in chosen.items()]
        query["post_processing"] = []
        (answer,) = self.call("POST", "/chart/data", context)["result"]
        return answer["data"]

    def values(self, dataset: int, column: str) -> list[Any]:
        """The distinct values of a column that a filter offers."""
        query = {"columns": [column], "metrics": [], "filters": [], "row_limit": 10000}
        body = {"datasource": {"id": dataset, "type": "table"}, "queries": [query], "result_format": "json"}
        (answer,) = self.call("POST", "/chart/data", body | {"result_type": "full"})["result"]
        return [row[column] for row in answer["data"]]

    def upload(self, path: str, files: dict[str, tuple[str, bytes]], form: dict[str, str]) -> Any:
        return self._answer("POST", path, files=files, data=form)

    def call(self, method: str, path: str, body: Row | None = None) -> Any:
        return self._answer(method, path, json=body)

    def _answer(self, method: str, path: str, **request: Any) -> Any:
        answer = self._session.request(method, self._api + path, timeout=60, **request)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:800]}"
        return answer.json()
