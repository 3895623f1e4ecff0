"""A build in part says which rows it replaced: publishing looks at these alone; where anything is in doubt, at all."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pipelines import duck
from pipelines.lake.catalogue import open_lake
from pipelines.lake.content_hash import Content, hash_content
from pipelines.lake.ledger import list_releases
from pipelines.releases.publish import Publication, publish
from pipelines.releases.restore import restore
from pipelines.settings import Settings
from pipelines.warehouse.sealed_build import find_release_of_build, seal_build
from tests.support.small_lake import Rows, build, read, release

FIRST: Rows = [("a", 1), ("b", 2), ("c", 3)]
TASKS = "from lake.marts.task order by all"


def build_in_part(settings: Settings, rows: Rows, keys: Mapping[str, list[str]], since: str | None) -> None:
    """What a build in part leaves: the tables, and of each which codes it replaced since a release."""
    build(settings, rows, counts=[("all", 3)])
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("create schema if not exists replaced")
        con.execute(
            "create or replace table replaced.since as select ? as release_hash", [since or "another"]
        )
        for name, codes in keys.items():
            con.execute(
                f'create or replace table replaced."marts.{name}" as select unnest(?::varchar[]) as code',
                [codes],
            )
    seal_build(settings)


def publish_again(settings: Settings) -> Publication:
    return publish(settings, run_id="run", author="test", reason="by hand")


def hash_tables(settings: Settings) -> dict[str, Content]:
    with duck.connect(settings.extensions, settings.warehouse, read_only=True) as con:
        return {f"marts.{name}": hash_content(con, f"marts.{name}") for name in ("task", "counts")}


def publish_rows(settings: Settings, rows: Rows, *codes: str, since: str | None = None) -> Publication:
    """`rows` in the place of the first, of which those of `codes` are said to be replaced."""
    first = release(settings, FIRST).release
    build_in_part(settings, rows, {"task": list(codes), "counts": []}, since or first.release_hash)
    return publish_again(settings)


@pytest.mark.parametrize(
    ("rows", "codes"),
    [
        pytest.param([("a", 1), ("b", 20), ("c", 3)], ["b"], id="changed"),
        pytest.param([("a", 1), ("c", 3)], ["b"], id="gone"),
        pytest.param([*FIRST, ("d", None)], ["a", "d"], id="come"),
        pytest.param([("x", 1), ("y", 2), ("z", 3)], list("abcxyz"), id="all"),
        pytest.param(FIRST, ["a"], id="none"),
    ],
)
def test_a_release_of_the_rows_that_were_replaced_is_that_of_all_rows(
    settings: Settings, rows: Rows, codes: list[str]
) -> None:
    publication = publish_rows(settings, rows, *codes)
    assert publication.release.marts == hash_tables(settings)
    assert read(settings, TASKS) == sorted(rows)
    assert publication.changed == (("marts.task",) if rows != FIRST else ())


def test_only_rows_that_were_replaced_are_looked_at(settings: Settings) -> None:
    publish_rows(settings, [("a", 100), ("b", 20), ("c", 3)], "b")
    assert read(settings, TASKS) == [("a", 1), ("b", 20), ("c", 3)]


def test_a_row_more_than_were_replaced_makes_the_comparison_whole(settings: Settings) -> None:
    rows: Rows = [*FIRST, ("d", 4), ("e", 5)]
    assert publish_rows(settings, rows, "d").release.marts == hash_tables(settings)
    assert read(settings, TASKS) == rows


def test_what_was_replaced_since_another_release_says_nothing(settings: Settings) -> None:
    rows: Rows = [("a", 100), ("b", 20), ("c", 3)]
    assert publish_rows(settings, rows, "b", since="0" * 64).release.marts == hash_tables(settings)
    assert read(settings, TASKS) == rows


def test_nor_does_it_once_another_release_came_between(settings: Settings) -> None:
    first = release(settings, FIRST).release
    release(settings, [("a", 100), ("b", 2), ("c", 3)])
    restore(settings, 1, run_id="run", author="test", reason="by hand")
    build_in_part(settings, [("a", 5), ("b", 20), ("c", 3)], {"task": ["b"]}, first.release_hash)
    publish_again(settings)
    assert read(settings, TASKS) == [("a", 5), ("b", 20), ("c", 3)]


def test_the_release_of_a_build_is_known_until_the_next_build(settings: Settings) -> None:
    first = release(settings, FIRST).release
    assert find_release_of_build(settings) == first.release_hash
    build(settings, [*FIRST, ("d", 4)])
    assert find_release_of_build(settings) is None
    build(settings, FIRST)
    assert publish_again(settings).release == first  # nothing new: the release holds this build too
    assert find_release_of_build(settings) == first.release_hash
    settings.build_release.write_text('{"build": ', encoding="utf-8")
    assert find_release_of_build(settings) is None


def test_what_a_release_of_some_rows_says_is_what_the_lake_holds(settings: Settings) -> None:
    publish_rows(settings, [("a", 1), ("b", 20)], "b", "c")
    with open_lake(settings) as con:
        newest = list_releases(con)[-1]
        assert newest.marts == {name: hash_content(con, f"lake.{name}") for name in newest.marts}
