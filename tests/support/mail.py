"""Two real receivers for alerts: an SMTP server and a web server that takes JSON, each on a free port of loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.support.servers import find_free_port

# With signs that an address must have encoded.
PASSWORD = "mat/khau@2025"


class Mailbox:
    """An SMTP server with a login; `mails`: what it took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password.decode() == PASSWORD)

    def list_titles(self) -> list[str]:
        return [str(mail["subject"]) for mail in self.mails]

    def read_bodies(self) -> list[str]:
        bodies = [mail.get_body(("plain", "html")) for mail in self.mails]
        return [body.get_content() for body in bodies if body is not None]


@contextmanager
def serve_mail() -> Iterator[tuple[Mailbox, int]]:
    mailbox = Mailbox()
    controller = Controller(
        mailbox, hostname="127.0.0.1", port=find_free_port(), authenticator=mailbox.authenticate,
        auth_require_tls=False, auth_required=True,
    )  # fmt: skip
    controller.start()
    try:
        yield mailbox, controller.port
    finally:
        controller.stop()


class Webhook(ThreadingHTTPServer):
    """`messages`: the JSON documents that were posted; `status`: what it answers."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Receiver)
        self.messages: list[dict[str, Any]] = []
        self.status = 200

    def list_titles(self) -> list[str]:
        return [message["title"] for message in self.messages]


class Receiver(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.server.status == 200:
            self.server.messages.append(content)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serve_webhook(port: int = 0) -> Iterator[Webhook]:
    server = Webhook(port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
