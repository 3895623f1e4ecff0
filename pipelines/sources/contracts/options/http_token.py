"""Where a token is fetched that goes with every request: OAuth2 and OpenID, client credentials."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from pipelines.sources.contracts.options.frozen import Frozen


class TokenGrant(Frozen):
    """A form is posted to `url` (RFC 6749 §4.4); its answer holds the token and how long it lives.

    A token is fetched anew shortly before it ends, and once more where the API answers 401 to it.
    """

    url: str = Field(repr=False, description="The token endpoint, e.g. https://id.example/connect/token.")
    client_id: str = Field(repr=False, description="Who asks; may be ${NAME}.")
    client_secret: str = Field(
        repr=False, description="Its secret, from the environment only: ${NAME}, never the secret itself."
    )
    login: Literal["body", "header"] = Field(
        "body",
        description="Where id and secret stand: in the form (client_secret_post), or in an Authorization header "
        "(client_secret_basic).",
    )
    scope: str | None = Field(None, description="What the token is asked for, where the endpoint wants it.")
    fields: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description="Further fields of the form: audience, resource, or another grant_type with its own (secrets as "
        "${NAME}).",
    )
    path: str = Field("access_token", description="Dotted path of the token in the answer.")
    lifetime: str = Field(
        "expires_in",
        description="Dotted path of the seconds it lives; where none stand, it is kept until a 401.",
    )
    header: str = Field("Authorization", description="The header that carries the token.")
    prefix: str = Field("Bearer", description="What stands before the token there; '' for nothing.")

    @field_validator("client_secret")
    @classmethod
    def _from_environment(cls, secret: str) -> str:
        if not re.fullmatch(r"\$\{\w+\}", secret):
            raise ValueError("a secret stands in the environment only: write ${NAME} and set NAME there")
        return secret
