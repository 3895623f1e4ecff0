"""Reads the names that Python code binds, and what they are bound by."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("pipelines", "tests", "benchmarks", "scripts")
# (line, identifier, whether it is bound by a comprehension or a lambda)
Binding = tuple[int, str, bool]


def list_modules() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def folder_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def read_bindings(source: str) -> Iterator[Binding]:
    tree = ast.parse(source)
    brief = {id(name) for node in ast.walk(tree) for name in _names_in_expression(node)}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield line, name, id(node) in brief
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield line, name, False
            case ast.arg(arg=name):
                yield line, name, id(node) in brief
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield line, name, False
            case (
                ast.alias(asname=str(name))
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):
                yield line, name, False


def split_words(identifier: str) -> list[str]:
    """`RAW_TOLD` and `RawTold` are both raw, told."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier)
    return [word.lower() for word in spaced.split("_") if word]


def _names_in_expression(node: ast.AST) -> Iterator[ast.AST]:
    """What a comprehension or a lambda binds: it is seen whole, so one letter may do."""
    if isinstance(node, ast.comprehension):
        yield from ast.walk(node.target)
    elif isinstance(node, ast.Lambda):
        yield from ast.walk(node.args)
