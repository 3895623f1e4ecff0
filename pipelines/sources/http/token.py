"""The token that goes with every request of a capture: fetched when it is needed, and again before it ends.

It lives in memory for one capture. No message repeats it, an id or a secret.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from pipelines.masking import register_secret
from pipelines.sources.contracts.options.http_token import TokenGrant
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.values.json_path import read_path

# A token is used up to so long before its end, so that it does not end under way; half its life where it is short.
SECONDS_BEFORE_END = 60.0
# Servers refuse longer headers; and what is masked is looked for in whatever is told.
LONGEST_TOKEN = 2**14

# The only clock here, so that tests need not wait.
clock = time.monotonic

PostForm = Callable[[str, str, dict[str, str], dict[str, str]], Any]


class TokenKeeper:
    """`header` gives a token that still holds; `forget` makes it fetch another."""

    def __init__(self, grant: TokenGrant, at: str, fill: Callable[[str], str]) -> None:
        self.grant, self.at, self.fill = grant, f"{at}the token endpoint: ", fill
        self.token, self.ends_at = "", 0.0

    def forget(self) -> None:
        self.token = ""

    def header(self, post: PostForm) -> dict[str, str]:
        """The header to send; `post(at, url, form, headers)` asks the endpoint. SourceError where it gives none."""
        if not self.token or clock() >= self.ends_at:
            self._fetch(post)
        return {self.grant.header: f"{self.grant.prefix} {self.token}".strip()}

    def _fetch(self, post: PostForm) -> None:
        form = {"grant_type": "client_credentials", **self.grant.fields}
        if self.grant.scope:
            form["scope"] = self.grant.scope
        form = {name: self.fill(text) for name, text in form.items()}
        client, secret = self.fill(self.grant.client_id), self.fill(self.grant.client_secret)
        headers: dict[str, str] = {}
        if self.grant.login == "header":
            login = f"{quote_plus(client)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
        else:
            form |= {"client_id": client, "client_secret": secret}
        start = clock()
        answer = post(self.at, self.fill(self.grant.url), form, headers)
        token = read_path(answer, self.grant.path)
        is_token = isinstance(token, str) and token.isascii() and token.isprintable()
        if not is_token or not 0 < len(token) <= LONGEST_TOKEN:
            raise PermanentSourceError(
                f"{self.at}its answer has no token at {self.grant.path!r}. Nothing was landed. "
                f"Correct `token.path` in sources.yaml."
            )
        register_secret(token)
        self.token, self.ends_at = token, start + self._read_lifetime(answer)

    def _read_lifetime(self, answer: Any) -> float:
        """Seconds that the token is used; without end where the answer does not say."""
        try:
            seconds = float(read_path(answer, self.grant.lifetime))
        except (TypeError, ValueError):
            return float("inf")
        return seconds - min(SECONDS_BEFORE_END, seconds / 2)
