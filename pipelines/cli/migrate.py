"""`thongsuot migrate`: an installation goes to other places of storage, with its history."""

from __future__ import annotations

import click

from pipelines.cli.answers import ANSWERED, Unanswered, answering, as_json, leave, say
from pipelines.cli.console import console, hold_writer, print_plain
from pipelines.settings import Settings


@click.group()
def migrate() -> None:
    """Move what is stored to the servers that the environment names."""


@migrate.command("lake")
@as_json
def move_lake(as_json: bool) -> None:
    """The lake of the data directory goes to PostgreSQL and a bucket, with all releases and the chain.

    What arrived is verified before the old catalogue is set aside. Exit code 0: moved; 2: nothing was.
    """
    from pipelines.lake.copy_lake import CopyFailed
    from pipelines.operations.migrate_lake import MigrationRefused, migrate_lake

    settings = Settings.from_env()
    try:
        with answering(), console.status("migrate…") as status, hold_writer(settings):
            migration = migrate_lake(settings, lambda what: status.update(f"migrate: {what}"))
    except (MigrationRefused, CopyFailed) as error:
        raise Unanswered(str(error)) from None
    if as_json:
        say(migration._asdict())
    else:
        print_plain(
            f"{migration.releases} releases and {migration.files} files lie on the servers now, verified; chain head "
            f"{migration.head}. Keep lake/files and lake/catalog.moved.sqlite until a backup was made."
        )
    leave(ANSWERED)
