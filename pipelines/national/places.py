"""The list of places that a national release stands on: whose lake lies where, and by whose key it is signed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.plain_files import read_plain_text
from pipelines.plain_yaml import load_yaml


class WrongList(ValueError):
    """The list cannot be used; the text says where and what to write."""


class ListedPlace(BaseModel):
    """`lake`: the folder with catalog.sqlite and files/; relative to the list. `public_key`: PEM, base64, or a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(pattern=r"^\w+$")
    name: str = Field(min_length=1)
    lake: Path
    public_key: str | None = None


class PlaceList(BaseModel):
    """`late_after_days`: how far a place's newest release may lie behind the moment of the national one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    places: list[ListedPlace] = Field(min_length=1)
    late_after_days: float = Field(default=2, gt=0)


def read_places(file: Path) -> PlaceList:
    """WrongList where the file is not there, is no such list, or names a place or a lake twice."""
    try:
        content: Any = load_yaml(read_plain_text(file))
        listed = PlaceList.model_validate(content)
    except OSError as error:
        raise WrongList(
            f"{file}: {error.strerror}. It lists `places:`, each with code, name and lake."
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        raise WrongList(
            f"{file}, {'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise WrongList(f"{file} is no YAML: {(str(error).splitlines() or ['deep'])[0]}") from None
    places = [place.model_copy(update=_resolve(place, file.parent)) for place in listed.places]
    for what, values in (
        ("code", [p.code for p in places]),
        ("lake", [str(p.lake.resolve()) for p in places]),
    ):
        if twice := [value for value, count in Counter(values).items() if count > 1]:
            raise WrongList(f"{file}: {what} {twice[0]} stands there twice.")
    return listed.model_copy(update={"places": places})


def _resolve(place: ListedPlace, folder: Path) -> dict[str, Any]:
    key = place.public_key
    is_file = key is not None and (folder / key).is_file()
    return {
        "lake": folder / place.lake.expanduser(),
        "public_key": str(folder / str(key)) if is_file else key,
    }
