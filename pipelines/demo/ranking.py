"""The national portal's ranking pages (docs/domain.md §3): 34 provinces, several pages a capture day.

Nghệ An's totals are those of its own log; the others keep their rate through the summer, so that
five of them are overtaken between 22/07 and 06/08/2025 (K2: rank 25 → 20).
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pipelines.demo import calibration

HOME = "40"
# National code → name and size, the dossiers received as a multiple of Nghệ An's.
PROVINCES = {
    "01": ("Hà Nội", 2.6), "04": ("Cao Bằng", 0.3), "08": ("Tuyên Quang", 0.55),
    "11": ("Điện Biên", 0.28), "12": ("Lai Châu", 0.22), "14": ("Sơn La", 0.45),
    "15": ("Lào Cai", 0.6), "19": ("Thái Nguyên", 0.6), "20": ("Lạng Sơn", 0.35),
    "22": ("Quảng Ninh", 0.7), "24": ("Bắc Ninh", 1.1), "25": ("Phú Thọ", 1.2),
    "31": ("Hải Phòng", 1.4), "33": ("Hưng Yên", 1.05), "37": ("Ninh Bình", 1.3),
    "38": ("Thanh Hóa", 1.35), "40": ("Nghệ An", 1.0), "42": ("Hà Tĩnh", 0.5),
    "44": ("Quảng Trị", 0.6), "46": ("Huế", 0.5), "48": ("Đà Nẵng", 1.0), "51": ("Quảng Ngãi", 0.7),
    "52": ("Gia Lai", 1.0), "56": ("Khánh Hòa", 0.8), "66": ("Đắk Lắk", 0.9), "68": ("Lâm Đồng", 1.2),
    "75": ("Đồng Nai", 1.3), "79": ("Hồ Chí Minh", 3.9), "80": ("Tây Ninh", 1.0),
    "82": ("Đồng Tháp", 1.2), "86": ("Vĩnh Long", 1.2), "91": ("An Giang", 1.4),
    "92": ("Cần Thơ", 1.1), "96": ("Cà Mau", 0.7),
}  # fmt: skip
# By their online rate, from the first of the country; no real ranking is claimed.
ABOVE = [
    "46", "48", "01", "22", "31", "24", "79", "15", "42", "19", "33", "25", "80", "37", "20", "82",
    "68", "44", "38",
]  # fmt: skip
OVERTAKEN = ["92", "66", "75", "91", "51"]
BELOW = ["86", "52", "56", "08", "96", "14", "04", "11", "12"]
PAGE_SIZE = 10
PATH = "/api/v1/reporting/evaluation/service-results"


def compute_rates(home: tuple[float, ...]) -> dict[str, float]:
    """Online rate of every other province, given Nghệ An's on 22/07 and at the cut-off."""
    earlier, final = home
    spread = {code: 0.95 - i * (0.94 - final) / len(ABOVE) for i, code in enumerate(ABOVE)}
    spread |= {
        code: final - (final - earlier) * (i + 1) / (len(OVERTAKEN) + 1) for i, code in enumerate(OVERTAKEN)
    }
    return spread | {code: earlier - 0.02 - 0.03 * i for i, code in enumerate(BELOW)}


def write_capture(
    folder: Path, captured_at: datetime, received: int, online: int, home_rates: tuple[float, ...]
) -> None:
    """The pages of one capture; Nghệ An has exactly these totals."""
    children = [_child(HOME, received, online)]
    for code, rate in compute_rates(home_rates).items():
        total = round(received * PROVINCES[code][1])
        # Rounded away from Nghệ An's rate, so that a small province cannot change places by rounding.
        whole = math.ceil if code in ABOVE else math.floor if code in BELOW else round
        children.append(_child(code, total, whole(total * rate)))
    children.sort(key=lambda child: str(child["departmentCode"]))
    pages = [children[i : i + PAGE_SIZE] for i in range(0, len(children), PAGE_SIZE)]
    overview = {"departmentName": "Toàn quốc"} | {
        total: sum(int(str(child[total])) for child in children)
        for total in ("totalReceived", "channelOnlineSum", "channelDirectSum", "channelPostalSum")
    }
    folder.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pages, 1):
        content = {
            "code": "OK",
            "capturedAt": captured_at.strftime("%Y-%m-%dT%H:%M:%S+0700"),
            "data": {"overview": overview, "children": page},
            "paging": {"currentPage": number, "pageSize": PAGE_SIZE, "totalPages": len(pages)},
        }
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (folder / f"page_{number}.json").write_text(text, encoding="utf-8")


def _child(code: str, received: int, online: int) -> dict[str, object]:
    postal = (received - online) // 12
    return {
        "departmentCode": code,
        "departmentName": PROVINCES[code][0],
        "totalReceived": received,
        "channelOnlineSum": online,
        "channelDirectSum": received - online - postal,
        "channelPostalSum": postal,
        "totalOnTime": round(received * 0.94),
        "totalOverdue": round(received * 0.02),
    }


@contextmanager
def serve_ranking(folder: Path) -> Iterator[str]:
    """Serve a ranking folder on loopback as the portal does; yields the address to POST to.

    The body's `captureDay` (default: the newest capture), `currentPage` and `pageSize` (default 10)
    choose the page; an unknown day answers 404, a page past the end has no children.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            page = _page(folder, request) if self.path == PATH else None
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.end_headers()
            answer = page or {"code": "NOT_FOUND", "data": None}
            self.wfile.write(json.dumps(answer, ensure_ascii=False).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Silent: the tests read what the pipeline says, not the server."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{PATH}"
    finally:
        server.shutdown()
        server.server_close()


def _page(folder: Path, request: dict[str, Any]) -> dict[str, Any] | None:
    days = sorted(path.name for path in folder.iterdir() if path.is_dir())
    day = str(request.get("captureDay") or days[-1])
    if day not in days:
        return None
    files = sorted((folder / day).glob("page_*.json"), key=lambda file: int(file.stem.split("_")[1]))
    pages = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    children = [child for page in pages for child in page["data"]["children"]]
    size, number = int(request.get("pageSize") or PAGE_SIZE), int(request.get("currentPage") or 1)
    total = math.ceil(len(children) / size)
    answer: dict[str, Any] = pages[0]
    answer["data"]["children"] = children[(number - 1) * size : number * size]
    answer["paging"] = {"currentPage": number, "pageSize": size, "totalPages": total}
    return answer


assert len(ABOVE) == calibration.RANK - 1 and len(OVERTAKEN) == calibration.EARLIER_RANK - calibration.RANK
