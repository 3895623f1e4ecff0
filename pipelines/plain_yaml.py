"""YAML that people write, read strictly and in a second: what stands for more than anybody writes is refused before it
is built, be it by aliases, by depth or by sheer number.
"""

from __future__ import annotations

from typing import Any

import yaml

# A place with a hundred sources writes a tenth of it.
MOST_NODES = 100_000
DEEPEST = 100
# Longer ones are not read once more for the better words of a slower parser.
LONGEST_EXPLAINED = 2**18
C_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TooMuch(yaml.YAMLError):
    """More than anybody writes by hand; the text says of what."""


def compose_yaml(text: str) -> tuple[Any, yaml.Node | None]:
    """The loader and the document's root, by libyaml where it is there: ten times as quick, but its errors say less.

    YAMLError where it is none; TooMuch where it is too deep or too long, aliases counted as often as they stand there;
    RecursionError for an alias in itself.
    """
    if not _is_within_bounds(text):
        raise TooMuch(f"more than {MOST_NODES:,} values, or more than {DEEPEST} levels")
    try:
        loader = C_LOADER(text)
        root = loader.get_single_node()
    except yaml.YAMLError:
        if len(text) > LONGEST_EXPLAINED:
            raise
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
    if root is not None and _count_nodes(root, {}) > MOST_NODES:
        raise TooMuch(f"its aliases stand for more than {MOST_NODES:,} values")
    return loader, root


def load_yaml(text: str) -> Any:
    """The document as dicts, lists and plain values; the same errors."""
    loader, root = compose_yaml(text)
    return None if root is None else loader.construct_document(root)


def _is_within_bounds(text: str) -> bool:
    """Also of what is no YAML, up to there: who composes it says where."""
    depth = count = 0
    try:
        for event in yaml.parse(text, Loader=C_LOADER):
            count += isinstance(event, yaml.NodeEvent)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if count > MOST_NODES or depth > DEEPEST:
                return False
    except yaml.YAMLError:
        pass
    return True


def _count_nodes(node: yaml.Node, counted: dict[int, int]) -> int:
    """With what each alias stands for, as often as it stands there."""
    if id(node) not in counted:
        parts = (
            [part for pair in node.value for part in pair]
            if isinstance(node, yaml.MappingNode)
            else node.value
        )
        inner = (
            sum(_count_nodes(part, counted) for part in parts) if isinstance(node, yaml.CollectionNode) else 0
        )
        counted[id(node)] = 1 + inner
    return counted[id(node)]
