"""A sources.yaml of eight megabytes, whatever stands in it, is answered in a second of the processor."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from pipelines import settings as module
from pipelines.national.places import WrongList, read_places
from pipelines.plain_files import LARGEST
from pipelines.plain_yaml import DEEPEST, TooMuch, load_yaml
from pipelines.sources.contracts.contract import ContractError, load_contracts

SIZE = LARGEST - 1000
BOMBS = {
    "one long list": "a: [" + "1," * (SIZE // 2),
    "keys": "".join(f"k{n}: 1\n" for n in range(SIZE // 12)),
    "one key again": "a: 1\n" * (SIZE // 5),
    "keys of a source": "sources:\n  x:\n" + "".join(f"    k{n}: 1\n" for n in range(20_000)),
    "names of sources": "sources:\n" + "".join(f"  dossier_lo{n}: {{}}\n" for n in range(20_000)),
    "names of columns": "sources:\n  dossier_log:\n    columns:\n"
    + "".join(f"      chanel{n}: x\n" for n in range(20_000)),
    "keys of a canonical source": "sources:\n  dossier_log:\n"
    + "".join(f"    key{n}: 1\n" for n in range(20_000)),
    "brackets": "a: " + "[" * SIZE,
    "brackets closed": "a: " + "[" * (SIZE // 2) + "]" * (SIZE // 2),
    "dashes": "- " * (SIZE // 2),
    "a huge key": "x" * SIZE,
    "a huge key of a source": "sources:\n  ? " + "x" * SIZE + "\n  : {}\n",
    "a huge text that is not closed": 'a: "' + "x" * SIZE,
    "merged twice over": "a0: &a0 {x: 1}\n"
    + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60)),
    "broken at its end": "a: [" + "'x',\n" * 30_000 + "x" * (SIZE - 300_000) + "\n}",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_what_nobody_writes_is_answered_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(text)
    monkeypatch.setenv("THONGSUOT_SOURCES", str(path))
    began = time.process_time()
    with pytest.raises(ContractError) as error:
        load_contracts(path)
    assert time.process_time() - began < 4
    began = time.process_time()
    assert str(module._zone_of_the_place()) == "Asia/Ho_Chi_Minh"
    with pytest.raises(WrongList):
        read_places(path)
    assert time.process_time() - began < 4
    assert len(str(error.value)) < 20_000


def test_what_people_write_is_read() -> None:
    deep = "[" * DEEPEST + "]" * DEEPEST
    assert load_yaml(deep) is not None and load_yaml("a: {b: [1, x]}") == {"a": {"b": [1, "x"]}}
    assert load_yaml("") is None
    with pytest.raises(TooMuch):
        load_yaml(f"[{deep}]")
    with pytest.raises(yaml.MarkedYAMLError):
        load_yaml("a: [")
