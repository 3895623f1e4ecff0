"""sources.yaml as a file: read strictly, with errors that name the line and never repeat it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml


class ContractError(ValueError):
    """sources.yaml is wrong; the text names file, key, what is wrong and the nearest valid name."""


class _Unique(yaml.SafeLoader):
    """A key said twice is an error: YAML would keep the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"`{key.value}` stands there twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def read_contracts(path: Path) -> dict[str, Any]:
    """The mapping in the file; ContractError with file and line where it is not one."""
    try:
        # A subclass of the safe loader.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Unique)
    except FileNotFoundError:
        raise ContractError(f"{path}: no such file. Set THONGSUOT_SOURCES to your sources.yaml.") from None
    except yaml.MarkedYAMLError as error:
        # Without the line itself, which may hold an address with its password.
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ContractError(f"{path.name}{line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContractError(f"{path.name}: not valid YAML ({type(error).__name__})") from None
    if not isinstance(content, dict) or not isinstance(content.get("sources"), dict):
        raise ContractError(f"{path.name}: expected the keys `first_day`, `sources` and `reference`.")
    return content


def nearest(name: object, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(name), list(known), 1, 0.5)
    return f"; did you mean `{near[0]}`?" if near else ""
