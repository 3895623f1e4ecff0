"""The seconds of the suite, module by module."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from tests.support.seconds import write_seconds


def test_the_longest_module_comes_first_and_quick_ones_share_a_line(tmp_path: Path) -> None:
    spent = {
        "tests/a.py::one": 0.4,
        "tests/b.py::two[x]": 1.2,
        "tests/b.py::three": 1.3,
        "tests/c.py::four": 61.0,
    }
    reports = [SimpleNamespace(nodeid=name, duration=seconds) for name, seconds in spent.items()]
    write_seconds(tmp_path / "seconds.csv", reports)  # type: ignore[arg-type]
    assert (tmp_path / "seconds.csv").read_text() == (
        "module,seconds\ntests/c.py,61\ntests/b.py,2\n1 others,0\n"
    )
