"""A copy of an installation may be spoilt without a trace in its origin."""

from __future__ import annotations

from pathlib import Path

from tests.support.copies import copy_installation

FILES = [
    "landing/log/b.parquet",
    "landing/log/b.json",
    "lake/catalog.sqlite",
    "warehouse.duckdb",
    "exports/a.csv",
]


def test_only_what_is_written_once_is_shared_and_what_is_left_out_is_not_there(tmp_path: Path) -> None:
    origin, copy = tmp_path / "origin", tmp_path / "copy"
    for name in [*FILES, "demo/one_stop.sqlite"]:
        path = origin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (origin / "landing" / "link.parquet").symlink_to("log/b.parquet")
    copy_installation(origin, copy, "demo")
    assert {name: (copy / name).read_text() for name in FILES} == {name: name for name in FILES}
    shared = [name for name in FILES if (copy / name).samefile(origin / name)]
    assert shared == ["landing/log/b.parquet", "landing/log/b.json"]
    assert (copy / "landing" / "link.parquet").is_symlink() and not (copy / "demo").exists()
