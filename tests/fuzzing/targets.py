"""What is fuzzed: each target reads one input and says how it ended. Anything but the allowed ends raises.

Allowed: read, or refused by cause, in words that name the source and the file (or, of a text, the file and place).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import click
import python_calamine
from pydantic import ValidationError

from pipelines import duck
from pipelines.landing.personal import batch_sql
from pipelines.masking import make_printable
from pipelines.privacy.detectors import register_detectors
from pipelines.privacy.redaction import redact_code, redact_text
from pipelines.quality.suite import SuiteError, read_suite
from pipelines.settings import Settings
from pipelines.sources.connectors import find_connector
from pipelines.sources.contracts.contract import Source, load_contracts
from pipelines.sources.contracts.contract_file import ContractError
from pipelines.sources.errors import SourceError
from pipelines.sources.files.formats import workbook, workbook_child, workbook_sheets
from pipelines.sources.http import fetch
from pipelines.sources.relation import today
from pipelines.sources.states import unfold_milestones
from tests.fuzzing.wire import serve_answers
from tests.unit.files_support import DAY, source

# Else each fork of the workbook reader imports them again, which costs more than the reading.
PRELOADED = (python_calamine, workbook_sheets)
SEEDS = Path(__file__).with_name("seeds")
READ, REFUSED = "read", "refused"
# One cell moved to the far corner makes the reader ask for half a gigabyte, and most of its time is then the kernel's.
FORK_MIB = 256
LONGEST_MESSAGE = 12_000
COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "code", "raw": "Mã", "required": True},
    {"name": "note", "raw": "Nội dung", "optional": True},
    {"name": "day", "raw": "Ngày", "type": "date", "optional": True},
)


class Target(NamedTuple):
    """`seeds`: its folder under seeds/; `run(data)` → how it ended; `few`: inputs that every test run can spare."""

    seeds: str
    run: Callable[[bytes], str]
    few: int


class Bench(NamedTuple):
    """What all inputs of a process share."""

    settings: Settings
    con: Any


@cache
def bench() -> Bench:
    settings = Settings(data=Path(tempfile.mkdtemp(prefix="fuzzing-")))
    (settings.data / "in").mkdir()
    con = duck.connect(settings.extensions)
    con.execute("set threads = 1")
    return Bench(settings, register_detectors(con))


def check_message(error: Exception, *names: str) -> str:
    """The end `refused`; AssertionError where the message is none that a person can use."""
    text = str(error)
    assert len(text) <= LONGEST_MESSAGE, f"{len(text)} characters: {text[:200]}"
    assert make_printable(text) == text and text.encode(), ascii(text)
    assert "Traceback" not in text and "Error(" not in text, text
    for name in names:
        assert name in text, f"{name} is not named: {text}"
    return REFUSED


def pull(one: Source, day: date, *names: str) -> str:
    """One pull, up to the rows as they would be landed."""
    settings, con = bench()
    try:
        with find_connector(one.connector).load().pull(one, day, settings, con) as pulled:
            relation = unfold_milestones(one, pulled, day)
            con.execute(batch_sql(one, relation)).fetchall()
    except SourceError as error:
        return check_message(error, one.name, *names)
    return READ


def file_target(format_name: str, **changes: object) -> Callable[[bytes], str]:
    name = f"fuzz.{format_name}"

    def run(data: bytes) -> str:
        one = source(path=f"{{data}}/in/{name}", partitioning="change_day", format=format_name, columns=COLUMNS,
                     date_formats=("%d/%m/%Y",), **{"delimiter": None, "encoding": None} | changes)  # fmt: skip
        (bench().settings.data / "in" / name).write_bytes(data)
        return pull(one, DAY, name)

    return run


def workbook_target(data: bytes) -> str:
    """The workbook reader in a fork under its limits: a process of its own would cost a tenth of a second."""
    with mock.patch.object(workbook, "_run_child", _run_fork):
        return file_target("xlsx")(data)


def _read_own_size() -> int:
    """MiB of addresses that this process has already: its fork begins with as many."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * os.sysconf("SC_PAGESIZE") // 2**20


@contextmanager
def _run_fork(session: Any, member: Any) -> Iterator[Iterator[Any]]:
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        os.close(receiver)
        with os.fdopen(sender, "w", encoding="utf-8") as sys.stdout, suppress(BaseException):
            limits = {"unpacked_mb": 64, "memory_mb": _read_own_size() + FORK_MIB, "seconds": 2}
            workbook_child.main(workbook.make_request(session, member) | limits)
        os._exit(0)
    os.close(sender)
    try:
        with os.fdopen(receiver, encoding="utf-8") as lines:
            yield _read_lines(lines)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _read_lines(lines: Iterable[str]) -> Iterator[Any]:
    for line in lines:
        message = json.loads(line)
        if isinstance(message, dict) and "error" in message:
            raise ValueError(message["error"])
        yield message
        if isinstance(message, dict) and "done" in message:
            return
    raise ValueError("reading it took more than it was granted, and was stopped")


def sqlite_target(data: bytes) -> str:
    path = bench().settings.data / "in" / "fuzz.sqlite"
    path.write_bytes(data)
    one = source(connector="database", path=None, format=None, delimiter=None, encoding=None, table="so",
                 partitioning="snapshot_day", url=f"sqlite:///{path}", columns=COLUMNS,
                 date_formats=("%d/%m/%Y",))  # fmt: skip
    return pull(one, today() - timedelta(days=1))


def answer_target(data: bytes) -> str:
    with mock.patch.object(fetch, "ATTEMPTS", 1), mock.patch.object(fetch, "sleep", lambda seconds: None):
        one = source(connector="http", path=None, format=None, delimiter=None, encoding=None, method="GET",
                     url=serve_answers(data), records="rows", columns=COLUMNS, date_formats=("%d/%m/%Y",),
                     timeout_seconds=2, requests_per_second=1000)  # fmt: skip
        return pull(one, today() - timedelta(days=1))


def contract_target(data: bytes) -> str:
    path = bench().settings.data / "sources.yaml"
    path.write_bytes(data)
    try:
        load_contracts(path)
    except ContractError as error:
        return check_message(error, "sources.yaml")
    return READ


def suite_target(data: bytes) -> str:
    path = bench().settings.data / "suite.json"
    path.write_bytes(data)
    try:
        read_suite(path)
    except SuiteError as error:
        return check_message(error, "suite.json")
    return READ


def value_map_target(data: bytes) -> str:
    """A word of a value map, and the same word in a delivery."""
    word = data.decode("utf-8", "replace").replace("\r", " ").replace("\n", " ")[:200]
    column = {"name": "note", "raw": "Nội dung", "value_map": {word: "online", "khác": "postal"}}
    try:
        one = source(path="{data}/in/words.csv", partitioning="change_day", columns=(COLUMNS[0], column))
    except ValidationError:
        return REFUSED
    quoted = word.replace('"', '""')
    (bench().settings.data / "in" / "words.csv").write_text(f'Mã;Nội dung\nA;"{quoted}"\nB;khác\n', "utf-8")
    return pull(one, DAY, "words.csv")


def key_target(data: bytes) -> str:
    """A range of days as the operator types it, and any key or text through the removal of personal data."""
    from pipelines.cli.run import _read_range

    text = data.decode("utf-8", "replace")
    assert redact_text(redact_text(text)) == redact_text(text)
    redact_code(text)
    try:
        if text:
            _read_range(text, bench().settings)
    except click.ClickException:
        return REFUSED
    return READ


TARGETS: dict[str, Target] = {
    "csv": Target("csv", file_target("csv", delimiter=";", encoding="utf-8"), 200),
    "packed": Target("packed", file_target("csv", delimiter=";", encoding="utf-8"), 200),
    "json": Target("json", file_target("json", records="rows"), 150),
    "ndjson": Target("ndjson", file_target("ndjson"), 150),
    "parquet": Target("parquet", file_target("parquet"), 150),
    "xlsx": Target("xlsx", workbook_target, 20),
    "xls": Target("xls", workbook_target, 10),
    "sqlite": Target("sqlite", sqlite_target, 50),
    "http": Target("answers", answer_target, 100),
    "sources.yaml": Target("contracts", contract_target, 100),
    "suite": Target("suite", suite_target, 300),
    "value map": Target("words", value_map_target, 100),
    "keys": Target("words", key_target, 300),
}


def read_seeds(target: Target) -> list[bytes]:
    return [path.read_bytes() for path in sorted((SEEDS / target.seeds).iterdir())]
