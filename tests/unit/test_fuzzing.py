"""Random changes to small seeds: whatever they are, each is read or refused in words (tests/fuzzing)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzzing.mutate import mutate
from tests.fuzzing.targets import TARGETS, read_seeds
from tests.fuzzing.wire import end_server

PROJECT = Path(__file__).parents[2]
FULL = 20_000


@pytest.fixture(scope="module", autouse=True)
def server_of_this_module() -> Iterator[None]:
    yield
    end_server()


def fuzz(*words: str, seconds: int) -> None:
    """In a process of its own, which limits its memory and ends where an input hangs."""
    command = [sys.executable, "-m", "tests.fuzzing", *words]
    result = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert result.returncode == 0, f"{result.stdout[-6000:]}\n{result.stderr[-1000:]}"


def test_a_few_inputs_of_every_kind_are_read_or_refused_in_words() -> None:
    fuzz(seconds=300)


@pytest.mark.full
@pytest.mark.parametrize("name", TARGETS)
def test_twenty_thousand_inputs_are_read_or_refused_in_words(name: str) -> None:
    fuzz(name, "--count", str(FULL), seconds=4 * 3600)


def test_the_same_number_is_the_same_input_everywhere() -> None:
    seeds = [b"Ma;Noi dung\n1;x\n"]
    assert mutate(seeds, 0) == seeds[0]
    assert len({mutate(seeds, number) for number in range(1, 200)}) > 150
    assert mutate(seeds, 7) == mutate(seeds, 7)


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_that_is_whole_can_be_read(name: str) -> None:
    target = TARGETS[name]
    assert target.seeds and read_seeds(target)
    if name not in ("http", "keys", "xlsx"):  # what a seed of theirs says may be refused
        assert "read" in {target.run(seed) for seed in read_seeds(target)}
