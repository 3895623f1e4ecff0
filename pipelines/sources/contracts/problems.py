"""All that is wrong with a configuration at once: validated, mended where it is wrong, validated again.

Checks of a whole source run only once its parts are right; so wrong parts are set aside, and asked again.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from pipelines.sources.contracts.names import suggest_nearest

Model = TypeVar("Model", bound=BaseModel)
ROUNDS = 5
# Named at once; whoever has more is helped by the first ones.
MOST_PROBLEMS = 100
# A default that is computed of others, of which one is at fault.
FOLLOWS = "default_factory_not_called"
# What pydantic says in its own words → what to write.
EXPECTED = {
    "string_type": "a text; put it in quotes",
    "tuple_type": 'a list in brackets, such as ["…"]',
    "list_type": 'a list in brackets, such as ["…"]',
    "date_from_datetime_parsing": "a day, written as 2025-07-01",
    "date_parsing": "a day, written as 2025-07-01",
}
# Of single keys, where the general words do not help.
KEY_HINTS = {"max_rejected_share": "0.02 is 2 %", "delimiter": 'one sign; a tab is "\\t"'}


class Problem(NamedTuple):
    """What is wrong at a key path of sources.yaml; the text never repeats a value."""

    path: tuple[Any, ...]
    text: str


def collect_problems(model: type[Model], content: dict[str, Any]) -> tuple[Model | None, list[Problem]]:
    """The validated model, or None and every fault with its key path. No text repeats a value given."""
    problems: dict[tuple[Any, ...], Problem] = {}
    mended = copy.deepcopy(content)
    validated: Model | None = None
    dropped: set[tuple[str, tuple[Any, ...]]] = set()
    for _ in range(ROUNDS):
        try:
            validated = model.model_validate(mended)
            break
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False)
        # What follows from another fault is none of its own.
        faults = [f for f in faults if f["type"] != FOLLOWS and (f["type"], f["loc"]) not in dropped]
        dropped |= {("missing", fault["loc"]) for fault in faults}
        for fault in faults[:MOST_PROBLEMS]:
            for problem in _explain(fault, mended, model):
                problems.setdefault((*problem.path, problem.text), problem)
        if len(faults) > MOST_PROBLEMS or not [fault for fault in faults if _set_aside(mended, fault)]:
            break
    return (None if problems else validated), list(problems.values())


def _explain(fault: Any, content: dict[str, Any], model: type[BaseModel]) -> list[Problem]:
    """`sources.dossier_log.columns.channel.typ` is not a known key; did you mean `type`?"""
    steps, at = [], content
    for step in fault["loc"]:
        inside = (isinstance(at, dict) and step in at) or (isinstance(at, list) and isinstance(step, int))
        at = at[step] if inside else {}
        is_column = isinstance(step, int) and isinstance(at, dict) and "name" in at
        steps.append(at["name"] if is_column else step)
    path, where = tuple(steps), ".".join(map(str, steps))
    if fault["type"] == "extra_forbidden":
        valid_keys = _keys_at(model, fault["loc"][:-1])
        return [Problem(path, f"`{where}` is not a known key{suggest_nearest(steps[-1], valid_keys)}")]
    if fault["type"] == "missing":
        above = f"`{'.'.join(map(str, steps[:-1]))}`" if steps[1:] else "the file"
        return [Problem(path, f"{above} needs `{steps[-1]}`")]
    if fault["type"] == "invalid_key" or steps[-1:] == ["[key]"]:
        words = ".".join(step for step in steps if isinstance(step, str) and step != "[key]")
        return [
            Problem(
                path,
                f"`{words}`: one of its words is no text to YAML (No, Yes, On, Off are true or false; 06 and 1.0 are "
                f"numbers): put it in quotes",
            )
        ]
    if expected := EXPECTED.get(fault["type"]):
        return [Problem(path, f"`{where}`: expected {expected}")]
    lines = fault["msg"].removeprefix("Value error, ").splitlines()
    hint = f" ({KEY_HINTS[steps[-1]]})" if steps and steps[-1] in KEY_HINTS else ""
    return [Problem(path, f"`{where}`: {line}{hint}" if where else line) for line in lines]


def _keys_at(model: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """The keys that the model at a place knows, from the fields' own types."""
    at: Any = model
    for step in loc:
        if isinstance(at, type) and issubclass(at, BaseModel):
            at = at.model_fields[step].annotation if step in at.model_fields else None
        else:
            at = next((a for a in get_args(at) if isinstance(a, type) and issubclass(a, BaseModel)), None)
    return list(at.model_fields) if isinstance(at, type) and issubclass(at, BaseModel) else []


def _set_aside(content: Any, fault: Any) -> bool:
    """Puts something harmless where the fault stands; False where nothing can be put (a whole source)."""
    steps: list[Any] = list(fault["loc"][:-1])
    last: Any = fault["loc"][-1] if fault["loc"] else None
    at = content
    for step in steps:
        if not ((isinstance(at, dict) and step in at) or (isinstance(at, list) and isinstance(step, int))):
            return False
        at = at[step]
    if isinstance(at, list) and isinstance(last, int) and isinstance(at[last], dict):
        # A whole column: its words are at fault.
        dropped = [at[last].pop(key, None) for key in ("value_map", "default")]
        return dropped != [None, None]
    if not isinstance(at, dict) or last not in at or isinstance(at[last], dict):
        return False
    allowed = str(fault.get("ctx", {}).get("expected", "")).split("'")
    if len(allowed) > 1:
        at[last] = allowed[1]
    elif fault["type"].startswith(("float", "int", "less", "greater")):
        at[last] = 1
    else:
        del at[last]
    return True
