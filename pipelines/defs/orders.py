"""What an operator orders by name and reason: publish what is held, withdraw a batch, bring one back."""

import shlex

import dagster as dg
from pydantic import Field

from pipelines.defs.audit import RELEASE_AND_EXPORTS
from pipelines.defs.common import CONTRACTS, SETTINGS
from pipelines.defs.release import ACCEPT_JOB
from pipelines.landing.withdrawals import RESTORED, WITHDRAWN, describe_order, record_events, select_batches
from pipelines.runs.confirmation import NotConfirmed, use_confirmation
from pipelines.runs.lock import exclusive


class WithdrawConfig(dg.Config):
    """Which batch, who answers for it, and why."""

    day: str = Field(description="The day whose batch is meant, e.g. 2025-08-06.")
    by: str = Field(description="Who answers for it; on record with every release after.")
    reason: str = Field(description="Why; on record with every release after.")
    source: str | None = Field(
        default=None, description="Only this source; without one every source of the day."
    )
    batch_id: str | None = Field(default=None, description="Only this batch of the day.")
    restore: bool = Field(default=False, description="true: a withdrawn batch counts again.")
    confirm: str = Field(
        default="",
        description="What `thongsuot batches confirm --day DAY` printed (with --source, --batch, --restore as here); "
        "it serves once, for the batches that it names.",
    )


def _write_command(config: WithdrawConfig) -> str:
    """What confirms this order at the command line."""
    words = {"--day": config.day, "--source": config.source, "--batch": config.batch_id}
    options = [f"{option} {shlex.quote(value)}" for option, value in words.items() if value]
    return " ".join(["batches confirm", *options, *(["--restore"] if config.restore else [])])


@dg.op(
    description="Ghi lại việc rút (hoặc khôi phục) một lô. Record that a batch counts no more, or counts again; "
    "no batch is edited or deleted."
)
def record_withdrawal(context: dg.OpExecutionContext, config: WithdrawConfig) -> list[str]:
    event = RESTORED if config.restore else WITHDRAWN
    names = [config.source] if config.source else list(CONTRACTS.sources)
    try:
        with exclusive(SETTINGS):
            chosen = select_batches(SETTINGS.landing, event, names, config.day, config.batch_id)
            use_confirmation(SETTINGS, describe_order(event, chosen), config.confirm, _write_command(config))
            events = record_events(SETTINGS.landing, event, chosen, config.by, config.reason)
    except (NotConfirmed, LookupError, ValueError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    lines = [f"{one.source} {one.partition}, batch {one.batch_id}: {one.event}" for one in events]
    context.add_output_metadata({"batches": dg.MetadataValue.md("\n".join(f"- {line}" for line in lines))})
    return lines


@dg.job(
    name="withdraw",
    description="Rút một lô khỏi số liệu, hoặc khôi phục. Withdraw a batch from the numbers, or bring it back: set "
    "`day`, `by`, `reason` and `confirm` in the launchpad, then run `publish_only`. Nothing is deleted.",
)
def withdraw_job() -> None:
    record_withdrawal()


acceptance_job = dg.define_asset_job(
    ACCEPT_JOB,
    selection=RELEASE_AND_EXPORTS,
    description="Công bố bản đang bị giữ lại. Publish what the gate holds: set `accept` (the number of the hold, "
    "see `thongsuot releases held`), `author`, `reason` and `confirm` of `release` in the launchpad.",
)
jobs = [withdraw_job, acceptance_job]
