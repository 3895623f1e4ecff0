"""The canon: what every installation shares, read from the folders of expectations/ and nowhere else.

`expectations/<source>/contract.yaml` says what a canonical source is, `suite.json` beside it which rules its
rows keep, `examples.yaml` what rows keep and break them. A place says in sources.yaml only where its data lie.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipelines.plain_yaml import load_yaml
from pipelines.settings import PROJECT
from pipelines.sources.contracts.canonical import CanonicalSource, CanonicalTable, LevelName, Whole
from pipelines.sources.contracts.names import fold_name
from pipelines.sources.contracts.options.frozen import Frozen

FOLDER = PROJECT / "expectations"
REFERENCE = "reference"


class CanonError(ValueError):
    """A file of expectations/ is wrong; the text names file and key."""


class Canon(Frozen):
    """`sources` and `reference` by name; `personal`: header known to hold personal data → its class."""

    sources: dict[str, CanonicalSource]
    reference: dict[str, CanonicalTable]
    personal: dict[str, str]

    @property
    def whole(self) -> Whole:
        """All units together, as the table of units says it."""
        [whole] = [table.whole for table in self.reference.values() if table.whole]
        return whole

    @property
    def level_names(self) -> dict[str, LevelName]:
        return {level: name for table in self.reference.values() for level, name in table.level_names.items()}


@cache
def read_canon(folder: Path = FOLDER) -> Canon:
    """Every folder with a `contract.yaml`; CanonError naming the file and key at fault."""
    sources = {path.parent.name: _read_table(CanonicalSource, path) for path in _contracts(folder)}
    tables = {path.parent.name: _read_table(CanonicalTable, path) for path in _contracts(folder / REFERENCE)}
    return Canon(sources=sources, reference=tables, personal=_read_yaml(folder / "personal.yaml"))


def _contracts(folder: Path) -> list[Path]:
    """By name: the order in which people and programs list them."""
    return sorted(folder.glob("*/contract.yaml"))


def _read_table(model: type[Any], path: Path) -> Any:
    name = f"{path.parent.name}/{path.name}"
    content = _read_yaml(path)
    try:
        table = model.model_validate(content)
        assert table.column_models
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors(include_url=False)]
        raise CanonError(f"{name}: " + "; ".join(faults)) from None
    except TypeError as error:
        raise CanonError(f"{name}: {error}") from None
    return table


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise CanonError(f"{path.parent.name}/{path.name}: not valid YAML: {error}") from None
    return {key: {} if value is None else value for key, value in (content or {}).items()}


def find_suite(name: str) -> str:
    """The suite of a source, as sources.yaml writes it: its file under expectations/."""
    return f"{name}/suite.json"


def find_table_suite(table: str, folder: Path = FOLDER) -> Path | None:
    """The suite of a reference table; None where it has no rules of its own."""
    path = folder / REFERENCE / table / "suite.json"
    return path if path.is_file() else None


@cache
def _personal() -> dict[str, str]:
    return {fold_name(header): kind for header, kind in read_canon().personal.items()}


def classify_header(header: str) -> str | None:
    """The class of a header known to hold personal data: `ChuHoSo` → `name`."""
    return _personal().get(fold_name(header))


def guess_class(header: str) -> str | None:
    """Also where the header only ends so, like the label under a merged one; for suggestions."""
    folded = fold_name(header)
    ends = (kind for name, kind in _personal().items() if len(name) > 4 and folded.endswith(name))
    return classify_header(header) or next(ends, None)
