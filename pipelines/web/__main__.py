"""`python -m pipelines.web`: `dagster-webserver` with the guard before it; the same options."""

from __future__ import annotations

from typing import Any

from dagster_webserver import cli

from pipelines.masking import mask_output
from pipelines.settings import Settings
from pipelines.web.serve import guard_app

create_app = cli.create_app_from_workspace_process_context


def create_guarded_app(*positions: Any, **options: Any) -> Any:
    return guard_app(create_app(*positions, **options), Settings.from_env())


if __name__ == "__main__":
    mask_output()
    Settings.from_env().keep_private()
    cli.create_app_from_workspace_process_context = create_guarded_app
    cli.main()
