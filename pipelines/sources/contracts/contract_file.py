"""sources.yaml as a file: read strictly, with errors that name line and key and never repeat a value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pipelines.plain_files import NotPlain, read_plain_text
from pipelines.plain_yaml import TooMuch, compose_yaml
from pipelines.sources.contracts.problems import MOST_PROBLEMS

LONGEST_TEXT = 2000
# What YAML says of a plain text that begins with such a sign, and what helps.
YAML_HINTS = (
    ("'%'", "; write a text that begins with % in quotes"),
    ("'\\t'", "; indent with blanks, not with tabs"),
    ("'@'", "; write a text that begins with @ in quotes"),
    ("'`'", "; write a text that begins with ` in quotes"),
)
# 00123 is 83 to YAML, 12:30 is 750 and 1_000 is 1000: a code or a word would be another one in silence.
PLAIN_INTEGER = re.compile(r"[+-]?(0|[1-9]\d*)")
PLAIN_FLOAT = re.compile(r"[+-]?(\d[\d.]*|\.\d+)(e[+-]?\d+)?|[+-]?\.(inf|nan)", re.IGNORECASE)
ODD_NUMBER = (
    "a number that YAML reads as another one (it begins with 0, or has `:` or `_` in it); write it in quotes, as a "
    "text"
)


class ContractError(ValueError):
    """sources.yaml is wrong; each line of the text names file, line, key and the nearest valid name."""


class ContractFile(NamedTuple):
    """`content`: the mapping in the file; `line_of`: where a key path stands, as near as it can be told."""

    name: str
    content: dict[str, Any]
    root: yaml.Node | None

    def line_of(self, path: Iterable[Any]) -> int:
        node: yaml.Node | None = self.root
        line = 1
        for step in path:
            child = _step(node, step)
            if child is None:
                break
            node, line = child
        return line

    def refuse(self, problems: Iterable[tuple[Iterable[Any], str]]) -> ContractError:
        """One line per fault, in the order of the file."""
        lines = sorted({(self.line_of(path), text[:LONGEST_TEXT]) for path, text in problems})
        return ContractError("\n".join(f"{self.name}, line {line}: {text}" for line, text in lines))


def _step(node: yaml.Node | None, step: Any) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark.line + 1
    return None


def read_contracts(path: Path) -> ContractFile:
    """ContractError with file and line where it is not YAML, not a mapping, or says a key twice."""
    try:
        loader, root = compose_yaml(read_plain_text(path))
        twice = list(_find_repeated_keys(root))
        content = loader.construct_document(root) if root and not twice else {}
    except FileNotFoundError:
        raise ContractError(f"{path}: no such file. Set THONGSUOT_SOURCES to your sources.yaml.") from None
    except NotPlain as error:
        raise ContractError(f"{path}: it cannot be read: {error}") from None
    except OSError as error:
        raise ContractError(f"{path}: it cannot be read: {error.strerror}") from None
    except TooMuch as error:
        raise ContractError(f"{path.name}: it is not read: {error}") from None
    except yaml.MarkedYAMLError as error:
        # Without the line itself, which may hold an address with its password.
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        hint = next((hint for sign, hint in YAML_HINTS if sign in (error.problem or "")), "")
        raise ContractError(f"{path.name}{line}: not valid YAML: {error.problem}{hint}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ContractError(f"{path.name}: not valid YAML ({type(error).__name__})") from None
    except ValueError as error:
        # YAML makes days and numbers of what looks like them: 2025-02-30 is none.
        raise ContractError(f"{path.name}: a day or number in it is none ({str(error)[:200]})") from None
    if twice:
        faults = [
            f"{path.name}, line {key.start_mark.line + 1}: `{key.value[:LONGEST_TEXT]}` stands there twice"
            for key in twice[:MOST_PROBLEMS]
        ]
        raise ContractError("\n".join(faults))
    if lines := sorted({node.start_mark.line + 1 for node in _find_odd_numbers(root)}):
        raise ContractError("\n".join(f"{path.name}, line {line}: {ODD_NUMBER}" for line in lines))
    if root is None or not isinstance(content, dict) or not isinstance(content.get("sources"), dict):
        raise ContractError(
            f"{path.name}: expected the keys `place`, `first_day`, `sources` and `reference`."
        )
    return ContractFile(path.name, content, root)


def _find_odd_numbers(root: yaml.Node | None) -> Iterable[yaml.ScalarNode]:
    """Plain integers and fractions, keys and values alike, that are not written as they are read."""
    if isinstance(root, yaml.ScalarNode) and not root.style:
        kind = root.tag.removeprefix("tag:yaml.org,2002:")
        plain = {"int": PLAIN_INTEGER, "float": PLAIN_FLOAT}.get(kind)
        if plain and not plain.fullmatch(root.value):
            yield root
    elif isinstance(root, yaml.MappingNode):
        for pair in root.value:
            for node in pair:
                yield from _find_odd_numbers(node)
    elif isinstance(root, yaml.SequenceNode):
        for node in root.value:
            yield from _find_odd_numbers(node)


def _find_repeated_keys(node: yaml.Node | None) -> Iterable[yaml.Node]:
    """YAML would keep the last one in silence."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):  # a list as a key is refused when it is constructed
                if key.value in seen:
                    yield key
                seen.add(key.value)
            yield from _find_repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _find_repeated_keys(value)
