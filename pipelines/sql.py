"""SQL that lives in files: a query of more than a few lines stands in `sql/` beside the module that runs it.

Where a query depends on names (a relation, a list of columns) it is a Jinja template.
"""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import Any

import jinja2

from pipelines import duck


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters["identifier"] = duck.identifier
    environment.filters["literal"] = duck.literal
    return environment


@functools.cache
def _read_template(package: str, name: str) -> jinja2.Template:
    text = (files(package) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    return _environment().from_string(text)


def read_sql(package: str, name: str, **values: Any) -> str:
    """The query `sql/<name>.sql` of a package, e.g. `pipelines.lake`, with its names filled in.

    `values` are SQL, put in as they are; the filters `identifier` and `literal` quote what is not. Values of
    the data never come this way: they are parameters of the statement. UndefinedError where a name lacks.
    """
    return _read_template(package, name).render(values)
