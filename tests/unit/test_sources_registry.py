"""Whoever adds a connector or a format and forgets a place learns here which one."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.settings import PROJECT
from pipelines.sources.connectors import CONNECTORS, Connector, ConnectorModule, find_connector
from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.schema import build_schema
from pipelines.sources.files import formats
from pipelines.sources.files.formats import FORMATS, Format, find_format

GUIDE = (PROJECT / "docs" / "onboarding.md").read_text(encoding="utf-8")
FUNCTIONS = [name for name in vars(ConnectorModule) if not name.startswith("_")]


def source_properties() -> dict[str, dict[str, object]]:
    return dict(build_schema()["$defs"]["Source"]["properties"])


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda connector: connector.name)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_module_of_a_connector_has_what_landing_calls(connector: Connector, function: str) -> None:
    offered = getattr(connector.load(), function, None)
    assert offered is not None, f"{connector.module} has no function {function}"
    own = list(inspect.signature(offered).parameters)
    expected = list(inspect.signature(getattr(ConnectorModule, function)).parameters)[1:]
    assert own == expected, f"{connector.module}.{function}"


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda connector: connector.name)
def test_a_source_has_the_keys_of_every_connector(connector: Connector) -> None:
    assert issubclass(Source, connector.options), f"Source does not inherit {connector.options.__name__}"
    bare = Source.model_construct(connector=connector.name)
    needs = connector.list_needs(bare, "whole_table")
    assert needs, f"{connector.name} names no key that it needs"
    unknown = set(needs) - set(Source.model_fields)
    assert not unknown, f"{connector.name} needs keys that a source cannot have"


@pytest.mark.parametrize("entry", FORMATS, ids=lambda entry: entry.name)
def test_the_reader_of_a_format_is_there(entry: Format) -> None:
    assert list(inspect.signature(entry.load_reader()).parameters) == ["session", "member"], entry.reader
    describer = entry.load_describer()
    if describer is not None:
        assert list(inspect.signature(describer).parameters) == ["member", "encoding", "message"]


def test_names_in_the_registries_are_unique() -> None:
    for registry in (CONNECTORS, FORMATS):
        names = [entry.name for entry in registry]
        assert sorted(set(names)) == sorted(names)


def test_an_editor_completes_every_registered_name() -> None:
    properties = source_properties()
    assert properties["connector"]["enum"] == [connector.name for connector in CONNECTORS]
    (file_format, _) = properties["format"]["anyOf"]  # type: ignore[misc]
    assert file_format["enum"] == [entry.name for entry in FORMATS]


@pytest.mark.parametrize("name", [entry.name for entry in (*CONNECTORS, *FORMATS)])
def test_the_guide_explains_every_registered_name(name: str) -> None:
    assert name in GUIDE, f"docs/onboarding.md does not mention {name}"


def test_every_module_of_a_format_is_registered_or_shared() -> None:
    """A reader takes a session and a member and gives fragments; one that no line of the registry names
    would never be called."""
    folder = Path(str(formats.__file__)).parent
    reader = re.compile(
        r"^def (read_\w+)\(\s*\w+: ReadSession, \w+: Member,?\s*\) -> Iterator\[TableFragment\]", re.M
    )
    readers = {
        f"{path.stem}:{name}"
        for path in folder.glob("*.py")
        for name in reader.findall(path.read_text("utf-8"))
    }
    assert readers == {entry.reader for entry in FORMATS}


def test_reading_contracts_loads_no_driver_and_no_parser() -> None:
    code = (
        "import sys; from pipelines.sources.contracts.contract import load_contracts; "
        "print([m for m in ('sqlalchemy', 'requests', 'pyarrow', 'python_calamine') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_an_unregistered_name_is_found_nowhere() -> None:
    with pytest.raises(KeyError):
        find_connector("pigeon")
    with pytest.raises(KeyError):
        find_format("papyrus")
