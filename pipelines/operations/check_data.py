"""What the doctor asks of the data: format, sources, batches, the lake's chain, PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime

import duckdb

from pipelines.addresses import DAGSTER_URL, read_postgres_url
from pipelines.data_format import FORMAT, read_format
from pipelines.lake import chain as links
from pipelines.lake.catalogue import open_lake
from pipelines.lake.files import is_of_ducklake, list_leftovers
from pipelines.lake.ledger import list_releases
from pipelines.lake.location import describe_other_lake, has_lake, locate_lake
from pipelines.lake.server_errors import LakeUnreachable
from pipelines.landing.batches import read_sidecar
from pipelines.landing.withdrawals import find_withdrawn
from pipelines.masking import mask_secrets
from pipelines.operations.diagnosis import Diagnosis
from pipelines.operations.disk import spell_size
from pipelines.releases.verify_chain import check_chain
from pipelines.releases.verify_head import check_foreign
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import load_contracts


def check_data_format(settings: Settings) -> Iterator[Diagnosis]:
    number = read_format(settings.data)
    if number is None:
        yield Diagnosis("format", "ok", "no data yet")
    elif number < FORMAT:
        text = f"the data directory has format {number}; this version writes {FORMAT}"
        yield Diagnosis(
            "format", "warn", text, "make a backup; the next run upgrades it (docs/operations.md#upgrade)"
        )
    else:
        yield Diagnosis("format", "ok", f"format {number}")


def check_sources(settings: Settings) -> Iterator[Diagnosis]:
    contracts = load_contracts(settings.sources_file)
    text = f"{settings.sources_file}: {contracts.place.name}, {len(contracts.sources)} sources"
    if contracts.is_demo:
        step = "fine to try it; for your place THONGSUOT_SOURCES names your own file (docs/onboarding.md)"
        yield Diagnosis("sources", "warn", f"{text}, the demo's", step)
    elif of_demo := [
        name
        for name, table in contracts.reference.items()
        if table.path.startswith(("{project}", str(PROJECT)))
    ]:
        step = "put your own tables there, or delete the lines (docs/onboarding.md)"
        yield Diagnosis("sources", "warn", f"{text}; the demo's own tables: {', '.join(of_demo)}", step)
    else:
        yield Diagnosis("sources", "ok", text)


def check_landed(settings: Settings) -> Iterator[Diagnosis]:
    """Every sidecar can be read and has its file; every source landed something."""
    batches, torn = 0, []
    landed = set()
    for sidecar in sorted(settings.landing.glob("*/*/*.json")):
        try:
            batch = read_sidecar(sidecar)
        except (ValueError, TypeError, KeyError):
            torn.append(f"{sidecar} cannot be read")
            continue
        batches += 1
        landed.add(batch.source)
        if not batch.path.exists():
            torn.append(f"{batch.path} is missing")
    find_withdrawn(settings.landing)  # WrongRecord where a record is none
    absent = sorted(load_contracts(settings.sources_file).sources.keys() - landed)
    if torn:
        yield Diagnosis(
            "landing",
            "fail",
            "; ".join(torn[:3]),
            "put it back from backup, or pull the day of its folder again: `thongsuot run --again --partition DAY`",
        )
    elif absent:
        text = f"{batches} batches; never landed: {', '.join(absent)}"
        yield Diagnosis("landing", "warn", text, "thongsuot sources check, then thongsuot run")
    else:
        yield Diagnosis("landing", "ok", f"{batches} batches of {len(landed)} sources and reference tables")


def check_lake(settings: Settings) -> Iterator[Diagnosis]:
    """The chain and its newest state, without reading contents: that is `verify`."""
    step = "thongsuot verify says what to do for each finding"
    if other := describe_other_lake(settings):
        yield Diagnosis("lake", "fail", other, "docs/operations.md#on-servers")
        return
    try:
        if not has_lake(settings):
            yield Diagnosis("lake", "warn", "no release yet", "thongsuot run")
            return
        with closing(open_lake(settings)) as con:
            con.execute("begin")
            chain, events = list_releases(con), links.list_events(con)
            findings = [*check_chain(con, chain, events), *check_foreign(con, chain)]
    except LakeUnreachable as error:
        step = "start the server, or correct THONGSUOT_LAKE_CATALOGUE, THONGSUOT_LAKE_FILES or THONGSUOT_S3_*"
        yield Diagnosis("lake", "fail", str(error), step)
        return
    except duckdb.Error as error:
        yield Diagnosis("lake", "fail", f"it cannot be read: {str(error).splitlines()[0]}", step)
        return
    if findings:
        text = "; ".join(f"{finding.kind}: {finding.text}" for finding in findings[:3])
        yield Diagnosis("lake", "fail", text, step)
    elif not chain:
        yield Diagnosis("lake", "warn", "no release yet", "thongsuot run")
    else:
        newest = chain[-1]
        place = f"in {locate_lake(settings).describe()}, " if settings.lake_servers else ""
        text = f"{place}release {newest.release_id} as of {newest.as_of}, {len(chain)} links hold"
        yield Diagnosis("lake", "ok", text)


def check_leftovers(settings: Settings) -> Iterator[Diagnosis]:
    """Only where there are some: they are in no release, and nothing takes them away. Who wrote them is told apart."""
    if not has_lake(settings):
        return
    with open_lake(settings) as con:
        leftovers = list_leftovers(con, settings, datetime.now(UTC).replace(tzinfo=None))
    foreign = {name for name in leftovers if not is_of_ducklake(name)}
    if names := sorted(leftovers.keys() - foreign):
        text = f"{_count_files(leftovers, names)} belong to no release, as a stopped writer leaves them"
        step = (
            "they harm nothing: delete these alone where the files of the lake lie, while no run is at work"
        )
        yield Diagnosis("leftovers", "warn", f"{text}: {_name_some(names)}", _say_all(step), tuple(names))
    if names := sorted(foreign):
        text = f"{_count_files(leftovers, names)} were not written by this program"
        step = (
            "no release has them and no reader meets them: ask who put them there before anything is deleted"
        )
        yield Diagnosis("leftovers", "warn", f"{text}: {_name_some(names)}", _say_all(step), tuple(names))


def _count_files(sizes: Mapping[str, int], names: Sequence[str]) -> str:
    return f"{len(names)} files of the lake ({spell_size(sum(sizes[name] for name in names))})"


def _name_some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _say_all(step: str) -> str:
    return f"{step} (all of them: `names` of `thongsuot doctor --json`)"


def check_postgres(settings: Settings) -> Iterator[Diagnosis]:
    """Only where marts are exported there, or Dagster has its storage there."""
    if settings.postgres_url is not None:
        yield _try_postgres("postgres", "THONGSUOT_POSTGRES_URL", settings.postgres_url)
    if url := read_postgres_url(DAGSTER_URL, os.environ.get(DAGSTER_URL) or None):
        yield _try_postgres("dagster", DAGSTER_URL, url)


def _try_postgres(check: str, variable: str, url: str) -> Diagnosis:
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=5) as con:
            row = con.execute("show server_version").fetchone()
    except psycopg.Error as error:
        text = mask_secrets(str(error).splitlines()[0])
        return Diagnosis(check, "fail", text, f"correct {variable}, or start the server")
    return Diagnosis(check, "ok", f"PostgreSQL {row[0] if row else ''} answers")
