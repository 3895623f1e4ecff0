"""How the national portal is asked for a ranking: the keys that the demo's source has once it is read over HTTP."""

from __future__ import annotations

from typing import Any

PORTAL: dict[str, Any] = {
    "connector": "http",
    "method": "POST",
    "request": {
        "timeType": "DATE",
        "rootDepartmentId": None,
        "pageSize": 10,
        "captureDay": "{partition}",
    },
    "paging": {"by": "page", "into": "body", "name": "currentPage", "total_pages": "paging.totalPages"},
    "success": {"code": "OK"},
}
