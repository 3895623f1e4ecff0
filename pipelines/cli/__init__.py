"""`thongsuot`: the operator's command. Each command is a thin door to a function elsewhere.

A module per topic; heavy imports (Dagster, dbt) stand inside the commands that need them, so that
`status` is instant.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from typing import Any

import click

from pipelines.cli import (
    alerts,
    backup,
    batches,
    confirm,
    docs,
    doctor,
    holds,
    metrics,
    migrate,
    national,
    open,
    rejections,
    releases,
    repair,
    run,
    runs,
    sources,
    status,
    superset,
    tidy,
    trace,
    verify,
)
from pipelines.cli.answers import Unanswered
from pipelines.cli.environment import WrongSetting, check_environment, describe_unusable_folder
from pipelines.data_format import read_format
from pipelines.lake.server_errors import OtherWriter, ServerUnreachable
from pipelines.landing.withdrawals import WrongRecord
from pipelines.masking import mask_output
from pipelines.runs.lock import ForeignFile
from pipelines.settings import Settings, SettingsError
from pipelines.sources.contracts.contract_file import ContractError
from pipelines.warehouse.spark.extra import SparkMissing

# Definitions and the modules of a night are a million objects that stay: Python looked through all of them for cycles
# at every 700 new ones, its oldest generation alone for more than a second of a small run.
RARE_COLLECTIONS = (50_000, 20, 20)


class Operator(click.Group):
    """Whichever command meets a wrong sources.yaml says what is wrong with it, without a stack."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ContractError as error:
            raise click.ClickException(
                f"{error}\nNothing was changed; the last release is still served."
            ) from None
        except SparkMissing as error:
            raise WrongSetting(str(error)) from None
        except SettingsError as error:
            raise WrongSetting(str(error)) from None
        except WrongRecord as error:
            raise click.ClickException(
                f"{error}.\nTake the file out, or put the folder back from backup; `thongsuot verify` compares it with "
                "the releases. Nothing was changed; the last release is still served."
            ) from None
        except (OtherWriter, ServerUnreachable) as error:
            raise Unanswered(str(error)) from None
        except OSError as error:
            if (text := describe_unusable_folder(error)) is None:
                raise
            raise WrongSetting(text) from None
        except ForeignFile as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt:
            raise click.ClickException("Stopped by a signal; the last release is still served.") from None


def end_at_sigterm() -> None:
    """SIGTERM ends a command as Ctrl-C does, with a message, wherever it waits; Dagster does so in a step."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@click.group(cls=Operator, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="thongsuot", prog_name="thongsuot")
def main() -> None:
    """Thông suốt: from a province's logs and trackers to numbers it can stand behind."""
    end_at_sigterm()
    mask_output()
    gc.set_threshold(*RARE_COLLECTIONS)
    settings = Settings.from_env()
    check_environment(settings)
    read_format(settings.data)  # a newer one is refused before anything is touched
    settings.keep_private()
    os.environ.update(settings.child_environment())


COMMANDS = (
    run.demo,
    run.run,
    run.ui,
    open.open_page,
    status.status,
    superset.superset,
    tidy.tidy,
    sources.sources,
    batches.batches,
    rejections.rejections,
    releases.releases,
    verify.verify,
    trace.trace,
    docs.docs,
    alerts.watch,
    alerts.alerts,
    doctor.doctor,
    metrics.metrics,
    migrate.migrate,
    national.national,
    runs.runs,
    backup.backup,
    backup.restore_backup,
)
for command in COMMANDS:
    main.add_command(command)
for command in (confirm.confirm, holds.show_holds, holds.accept, repair.restore, repair.heal, repair.prune):
    releases.releases.add_command(command)
