"""One partition of one source: its connector's relation written as a batch, in one COPY."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.landing import arrivals
from pipelines.landing.ahead import DaysAhead
from pipelines.landing.batches import Batch, Written, find_newest_batch, write_batch
from pipelines.landing.gathered import BatchContent
from pipelines.landing.lost_columns import check_lost_columns, list_columns
from pipelines.landing.personal import batch_sql
from pipelines.landing.repeated_keys import check_repeated_keys
from pipelines.landing.withdrawals import find_withdrawn
from pipelines.landing.written import check_values, note_codes, note_letters
from pipelines.log import get_logger
from pipelines.privacy.detectors import register_detectors
from pipelines.settings import Settings
from pipelines.sources.connectors import find_connector
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import DeliveryRefused, FileRefused, NotProvided, Unchanged
from pipelines.sources.mapping import observe_matches
from pipelines.sources.states import unfold_milestones

LOG = get_logger(__name__)


def land_partition(
    source: Source,
    partition: date,
    settings: Settings,
    *,
    run_id: str,
    con: duckdb.DuckDBPyConnection | None = None,
    again: bool = False,
    ahead: DaysAhead | None = None,
) -> Batch:
    """Land one new batch; SourceError (or a subclass) where the source does not give a whole one.

    A source that says that nothing changed since the batch of this partition gets no second one: that batch
    is returned. A range of days passes one open connection: loading a scanner costs more than a small
    day's rows. `again`: files of batches that were withdrawn are read too. `ahead`: the range, of which days may be
    pulled together.
    """
    if con is None:
        with duck.connect(settings.extensions) as own:
            return land_partition(source, partition, settings, run_id=run_id, con=own, again=again)

    register_detectors(con)
    log = LOG.bind(source=source.name, partition=partition)
    connector = find_connector(source.connector).load()
    earlier = find_newest_batch(settings.landing, source.name, str(partition))
    # What was withdrawn is not the truth of its day, whatever the source says of it.
    if earlier and (source.name, earlier.batch_id) in find_withdrawn(settings.landing):
        earlier = None
    leave_out = (
        set() if again or not source.inbox else arrivals.find_withdrawn_files(source, settings, partition)
    )
    validator = earlier.validator if earlier and earlier.path.exists() else ""
    gathered = ahead.find(source, partition, settings, con) if ahead else None

    @contextmanager
    def pull() -> Iterator[BatchContent]:
        with (
            observe_matches() as matches,
            connector.pull(
                source, partition, settings, con, validator=validator, leave_out=leave_out
            ) as pulled,
        ):
            relation = unfold_milestones(source, pulled, partition)
            yield BatchContent(relation, batch_sql(source, relation), matches)

    def write(out: Path) -> Written:
        with nullcontext(gathered) if gathered else pull() as content:
            relation, matches = content.relation, content.matches
            con.execute(f"copy ({content.sql}) to {duck.literal(out)} {duck.PARQUET}")
            # Within the pull: the connector knows which files a refusal is about.
            check_repeated_keys(con, source, str(partition), out, relation)
            check_lost_columns(source, str(partition), matches, settings.landing)
            values = check_values(con, source, str(partition), out, content)
        # The headers of an API are known once its last page was read.
        check_lost_columns(source, str(partition), matches, settings.landing)
        codes, letters = note_codes(con, source, out, content), note_letters(con, out, content)
        notes = (*relation.notes, *codes, *values, *letters)
        if ahead and relation.of_days:
            ahead.allow()
        return Written(relation.origin, notes, relation.validator, list_columns(matches))

    try:
        batch = write_batch(
            settings.landing,
            source.name,
            partition.isoformat(),
            write,
            run_id=run_id,
            pulled_at=gathered.pulled_at if gathered else None,
        )
    except Unchanged:
        assert earlier is not None
        log.info("unchanged since the last pull", batch=earlier.batch_id)
        return earlier
    except NotProvided:
        log.info("not provided")
        raise
    except duckdb.OutOfMemoryException as error:
        raise DeliveryRefused(duck.describe_lack_of_memory(f"{source.name} {partition}", error)) from None
    except FileRefused as error:
        raise DeliveryRefused(f"{error}{arrivals.set_files_aside(source, settings, error)}") from None
    arrivals.archive_counted_files(source, settings)
    if ahead:
        ahead.learn(batch.rows)
    log.info("landed", batch=batch.batch_id, rows=batch.rows)
    for note in batch.notes:
        log.warning(note, batch=batch.batch_id)
    return batch
