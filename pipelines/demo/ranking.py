"""The national portal's ranking pages (DOMAIN §3): 34 provinces, several pages a capture day."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

HOME = "40"
PROVINCES = {
    "01": "Hà Nội", "04": "Cao Bằng", "08": "Tuyên Quang", "11": "Điện Biên", "12": "Lai Châu",
    "14": "Sơn La", "15": "Lào Cai", "19": "Thái Nguyên", "20": "Lạng Sơn", "22": "Quảng Ninh",
    "24": "Bắc Ninh", "25": "Phú Thọ", "31": "Hải Phòng", "33": "Hưng Yên", "37": "Ninh Bình",
    "38": "Thanh Hóa", "40": "Nghệ An", "42": "Hà Tĩnh", "44": "Quảng Trị", "46": "Huế",
    "48": "Đà Nẵng", "51": "Quảng Ngãi", "52": "Gia Lai", "56": "Khánh Hòa", "66": "Đắk Lắk",
    "68": "Lâm Đồng", "75": "Đồng Nai", "79": "Hồ Chí Minh", "80": "Tây Ninh", "82": "Đồng Tháp",
    "86": "Vĩnh Long", "91": "An Giang", "92": "Cần Thơ", "96": "Cà Mau",
}  # fmt: skip
PAGE_SIZE = 10


def write_capture(
    folder: Path, captured_at: datetime, received: int, online: int, rank: int, rng: np.random.Generator
) -> None:
    """Pages of one capture in which Nghệ An has these totals and exactly this rank by rate."""
    others = [code for code in PROVINCES if code != HOME]
    order = rng.permutation(others)
    rate = online / received
    above = np.sort(rng.uniform(rate + 0.002, min(0.995, rate + 0.24), rank - 1))[::-1]
    below = np.sort(rng.uniform(max(0.15, rate - 0.3), rate - 0.002, len(others) - rank + 1))[::-1]
    children = [_child(HOME, received, online)]
    for code, share in zip(order, np.concatenate([above, below]), strict=True):
        total = int(received * rng.uniform(0.3, 2.5))
        children.append(_child(str(code), total, round(total * share)))
    children.sort(key=lambda child: child["departmentCode"])
    pages = [children[i : i + PAGE_SIZE] for i in range(0, len(children), PAGE_SIZE)]
    folder.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pages, 1):
        content = {
            "code": "OK",
            "capturedAt": captured_at.strftime("%Y-%m-%dT%H:%M:%S+0700"),
            "data": {"overview": {"departmentName": "Toàn quốc"}, "children": page},
            "paging": {"currentPage": number, "pageSize": PAGE_SIZE, "totalPages": len(pages)},
        }
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (folder / f"page_{number}.json").write_text(text, encoding="utf-8")


def _child(code: str, received: int, online: int) -> dict[str, object]:
    postal = (received - online) // 12
    return {
        "departmentCode": code,
        "departmentName": PROVINCES[code],
        "totalReceived": received,
        "channelOnlineSum": online,
        "channelDirectSum": received - online - postal,
        "channelPostalSum": postal,
        "totalOnTime": round(received * 0.94),
        "totalOverdue": round(received * 0.02),
    }


@contextmanager
def ranking_server(folder: Path) -> Iterator[str]:
    """Serve a ranking folder on loopback as the portal does: POST with `captureDay`, `currentPage`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            page = folder / body["captureDay"] / f"page_{body['currentPage']}.json"
            self.send_response(200 if page.exists() else 404)
            self.end_headers()
            self.wfile.write(page.read_bytes() if page.exists() else b"{}")

        def log_message(self, *words: object) -> None:
            """Silent: the tests read what the pipeline says, not the server."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/api/v1/reporting/evaluation/service-results"
    finally:
        server.shutdown()
        server.server_close()
