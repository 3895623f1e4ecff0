"""What stands before Dagster's web server: a page that the operator opens elsewhere cannot use it.

Dagster has no login and answers whoever reaches it; a browser on the operator's desk reaches loopback for any
page. ASGI, without a framework: each rule looks at the head of a request and names why it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pipelines.log import get_logger

LOG = get_logger(__name__)
Scope = MutableMapping[str, Any]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Send], Awaitable[None]]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Methods that change nothing (RFC 9110 §9.2.1); every other one does, as far as a guard can know.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
GRAPHQL = "/graphql"
# RFC 9110 §7.2: a name or an address in brackets, perhaps a port, and nothing else.
HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[\w.-]+))(?::[0-9]{0,5})?")
# Dagster's pages are never shown inside another's: a click there would be the operator's.
NO_FRAME = [(b"x-frame-options", b"DENY"), (b"content-security-policy", b"frame-ancestors 'none'")]


class Refusal(NamedTuple):
    """An HTTP status, and why in words that repeat nothing of the request."""

    status: int
    reason: str


class Guard:
    """`hosts`: names under which the server may be called, beside those of loopback, without ports."""

    def __init__(self, app: App, hosts: Iterable[str] = ()) -> None:
        self.app = app
        self.hosts = LOOPBACK | {host.strip().lower() for host in hosts if host.strip()}

    async def __call__(self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):  # the server's own start and end
            await self.app(scope, receive, send)
        elif (refusal := self.find_refusal(scope)) is None:
            await self.app(scope, receive, _forbid_frames(send))
        else:
            LOG.warning("request refused", status=refusal.status, reason=refusal.reason)
            await _refuse(scope, send, refusal)

    def find_refusal(self, scope: Scope) -> Refusal | None:
        """Why the request is not for Dagster; None where it may pass."""
        head = _Head(scope)
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        return (
            self._check_host(head)
            or (_check_origin(head) if changes else _check_reader(head))
            or _check_graphql(head)
            or (_check_content_type(head) if changes and scope["type"] == "http" else None)
        )

    def _check_host(self, head: _Head) -> Refusal | None:
        """Against DNS rebinding: a foreign name that was made to point here is still that name."""
        values = head.list_values("host")
        host = _host_of(values[0]) if len(values) == 1 else None
        if host in self.hosts:
            return None
        return Refusal(
            421, "This server does not answer under that name. Add it to THONGSUOT_UI_HOSTS if it is yours."
        )


class _Head:
    """A request's method, path and headers; names in lower case, as ASGI has them."""

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope.get("method", "GET")
        self.path: str = scope["path"].rstrip("/")
        self.has_query = bool(scope.get("query_string"))
        self.is_websocket = scope["type"] == "websocket"
        self._headers = [
            (name.decode("latin-1").lower(), v.decode("latin-1")) for name, v in scope["headers"]
        ]

    def list_values(self, name: str) -> list[str]:
        return [value for header, value in self._headers if header == name]

    def get(self, name: str) -> str:
        """The header's value, several joined as HTTP does; empty where there is none."""
        return ", ".join(self.list_values(name))


def _host_of(value: str) -> str | None:
    """The name of `name:port` or `[address]:port`; None for what is no host, also where more follows."""
    match = HOST.fullmatch(value)
    return (match["address"] or match["name"]).rstrip(".").lower() or None if match else None


def _check_origin(head: _Head) -> Refusal | None:
    """Every browser names the page that sends; a program on this machine names none."""
    refusal = Refusal(403, "A page of another site may not do this.")
    if head.get("sec-fetch-site").lower() not in ("", "same-origin", "none"):
        return refusal
    origins = head.list_values("origin")
    if not origins:
        return None
    try:
        origin = urlsplit(origins[0])
        port = {"http": ":80", "https": ":443"}[origin.scheme]
    except (ValueError, KeyError):  # `null`, an extension, nonsense
        return refusal
    # The scheme may differ: a reverse proxy speaks TLS for us. Port and name may not.
    same = origin.netloc.lower().removesuffix(port) == head.get("host").lower().removesuffix(port)
    return None if len(origins) == 1 and same else refusal


def _check_reader(head: _Head) -> Refusal | None:
    """Another site may link here; it may not fetch, frame or embed."""
    if head.get("sec-fetch-site").lower() not in ("cross-site", "same-site"):
        return None
    if head.get("sec-fetch-mode").lower() == "navigate" and head.get("sec-fetch-dest").lower() == "document":
        return None
    return Refusal(403, "A page of another site may link here, and nothing else.")


def _check_graphql(head: _Head) -> Refusal | None:
    """A GET changes nothing: Dagster would run a mutation that an address names."""
    # Below a prefix (`--path-prefix /x`) Dagster's address is /x/graphql.
    if not head.path.endswith(GRAPHQL) or head.is_websocket:
        return None
    if head.method in SAFE_METHODS and head.has_query:
        return Refusal(405, "GraphQL is asked by POST of application/json.")
    return None


def _check_content_type(head: _Head) -> Refusal | None:
    """What a form or a simple request of a page can send (Fetch, §4.10) is never JSON."""
    if head.get("content-type").partition(";")[0].strip().lower() == "application/json":
        return None
    return Refusal(415, "Send application/json.")


def _forbid_frames(send: Send) -> Send:
    async def send_with_headers(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *NO_FRAME]}
        await send(message)

    return send_with_headers


async def _refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    if scope["type"] == "websocket":
        await send(
            {"type": "websocket.close", "code": 1008, "reason": refusal.reason}
        )  # before it opened: 403
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *NO_FRAME]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.reason.encode()})
