"""How a source is reached: one line per connector, read by the contracts (names, keys) and by landing (pulls).

A connector is a module with the functions of `ConnectorModule` and a model of its keys in sources.yaml. The
module is imported when it is first used, so that reading a contract needs no driver.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from pipelines.sources.contracts.options.database import DatabaseOptions
from pipelines.sources.contracts.options.files import FileOptions
from pipelines.sources.contracts.options.frozen import Frozen
from pipelines.sources.contracts.options.http import HttpOptions

if TYPE_CHECKING:
    import duckdb

    from pipelines.settings import Settings
    from pipelines.sources.contracts.contract import Source
    from pipelines.sources.relation import Relation


class ConnectorModule(Protocol):
    """What the module of a connector offers."""

    def pull(
        self,
        source: Source,
        partition: date,
        settings: Settings,
        con: duckdb.DuckDBPyConnection,
        *,
        validator: str = "",
        leave_out: Collection[str] = (),
    ) -> AbstractContextManager[Relation]:
        """The partition's rows as text; the block lasts until they are written.

        `validator`: what the relation of the batch landed before said of itself, empty without one; a
        connector that can ask by it raises `Unchanged`. `leave_out`: SHA-256 of files that were landed before and
        count no more. SourceError where no whole partition comes,
        NotProvided where the source offers none.
        """

    def expects_delivery(self, source: Source, partition: date, settings: Settings) -> bool:
        """Whether a partition without a batch is missing; false where nothing is there to be pulled."""

    def find_newest_delivery(self, source: Source, settings: Settings) -> date | None:
        """The newest day for which something lies ready; None where only a pull would show it."""


class Connector(NamedTuple):
    """`options`: its keys in sources.yaml; `list_needs(source, partitioning)`: those it cannot do without.

    `shared`: keys of another connector's options that it reads too. `Source` inherits every model of options,
    so that a key is one attribute whatever the connector; a file that sets another's key is refused.
    """

    name: str
    options: type[Frozen]
    list_needs: Callable[[Any, str], tuple[str, ...]]
    module: str
    shared: frozenset[str] = frozenset()

    def list_keys(self) -> frozenset[str]:
        return self.shared | set(self.options.model_fields)

    def list_foreign_keys(self) -> dict[str, str]:
        """Key that this connector does not read → a connector that does."""
        own = self.list_keys()
        return {key: other.name for other in CONNECTORS for key in other.list_keys() if key not in own}

    def load(self) -> ConnectorModule:
        return cast(ConnectorModule, import_module(self.module))


CONNECTORS = (
    Connector("database", DatabaseOptions, DatabaseOptions.database_needs, "pipelines.sources.database.connector"),
    Connector("files", FileOptions, FileOptions.files_need, "pipelines.sources.files.connector",
              frozenset({"records", "page_constants", "omits_empty", "paging"})),
    Connector("http", HttpOptions, HttpOptions.http_needs, "pipelines.sources.http.connector",
              frozenset({"url", "pull_seconds"})),
)  # fmt: skip


def find_connector(name: str) -> Connector:
    """KeyError where no connector has that name; a loaded contract names only registered ones."""
    return {connector.name: connector for connector in CONNECTORS}[name]
