"""One canonical column as a contract knows it: its type, its headers, its words, its default."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from pipelines.sources.contracts.names import suggest_nearest
from pipelines.sources.contracts.options.frozen import Frozen

ColumnType = Literal["text", "integer", "bigint", "decimal", "boolean", "timestamp", "date", "percent"]
PersonalClass = Literal[
    "name", "id_number", "contact", "address", "birth_date", "free_text", "official", "other"
]

SQL_TYPES: dict[str, str] = {
    "text": "varchar",
    "integer": "integer",
    "bigint": "bigint",
    "decimal": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
    "percent": "integer",
}


class Column(Frozen):
    """One canonical column: which header it is read from, and what the source's words mean.

    `words`, `word_aliases` (word → what sources call it, only ever suggested) and `fallback` come from the canon.
    `mapped` is false where sources.yaml does not name the column: then no header is ever read for it.
    `default_alone`: it names a default and no header. `suggested`: the canon's headers where sources.yaml names its
    own: another column of theirs would be read in silence on the day that it is gone, so they are only suggested.
    """

    name: str
    type: ColumnType = Field(default="text", description="Given for canonical columns; say your own.")
    raw: str | None = Field(
        default=None, description="The header in the source. Case, accents and spaces may differ."
    )
    aliases: tuple[str, ...] = Field(default=(), description="Other headers of the same column.")
    required: bool = Field(default=False, description="Without this column nothing is landed.")
    optional: bool = Field(
        default=False,
        description="A delivery may come without this column, as long as none before had a value in it. "
        "Otherwise a header that is named and not there stops the pull.",
    )
    value_map: dict[str, str] | None = Field(
        default=None,
        description="The source's word → the canonical word. Other words are rejected, never guessed.",
    )
    default: str | None = Field(
        default=None,
        description="Stands where the source says nothing, as canonical text (in_person, 'false').",
    )
    constant: str | None = Field(
        default=None,
        description="What every row of this source has, as canonical text ({constant: online}); no "
        "header is read.",
    )
    percent_scale: Literal["whole", "fraction"] | None = Field(
        default=None,
        description="A column of per cents: how numbers without a % sign are meant. whole: 72 is 72 %; "
        "fraction: 0.72 is 72 %, and 1 is 100 %. Never inferred: without it, numbers none of which is above 1 have "
        "no value.",
    )
    scan: bool = Field(
        default=True,
        description="Set false where codes of the source look like ID or phone numbers but are none.",
    )
    shape: str | None = Field(
        default=None,
        description="Codes: the regular expression that the whole code fits. Unless said, a key has no blanks.",
    )
    ends_day: bool = Field(
        default=False,
        description="Deadlines: one that is told as a day (midnight) is the end of that day.",
    )
    title_vi: str = Field(default="", description="What the column is called in Vietnamese.")
    description: str = Field(default="", description="What it means.")
    words: tuple[str, ...] = ()
    word_aliases: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    fallback: str | None = None
    mapped: bool = True
    default_alone: bool = False
    suggested: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _constant_is_a_default(cls, entry: Any) -> Any:
        """A constant is a default that no header stands against."""
        if not isinstance(entry, dict) or entry.get("constant") is None:
            return entry
        for key in ("raw", "value_map", "default"):
            if entry.get(key) is not None and entry[key] != entry["constant"]:
                raise ValueError(f"`constant` says what every row has; leave `{key}` out")
        return {**entry, "default": entry["constant"]}

    @field_validator("value_map")
    @classmethod
    def _words_in_nfc(cls, words: dict[str, str] | None) -> dict[str, str] | None:
        return words and {unicodedata.normalize("NFC", word): meaning for word, meaning in words.items()}

    @model_validator(mode="after")
    def _canonical_words_fit(self) -> Column:
        if unlisted := set(self.word_aliases) - set(self.words):
            raise ValueError(f"`word_aliases`: {', '.join(sorted(unlisted))} is none of `words`")
        fits = {"integer": r"-?\d+", "bigint": r"-?\d+", "boolean": "true|false"}.get(self.type, ".*")
        for word in (*(self.value_map or {}).values(), *([self.default] if self.default else [])):
            if not re.fullmatch(fits, word):
                raise ValueError(f"{word!r} is no {self.type}; canonical words must fit the type")
            if self.words and word not in self.words:
                choices = ", ".join(self.words)
                raise ValueError(f"{word!r} is none of {choices}{suggest_nearest(word, self.words)}")
        return self

    @property
    def needs_header(self) -> bool:
        """Whether a delivery without any of its headers lacks it: not where only a default is named."""
        return self.mapped and self.constant is None and not self.default_alone

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.type]

    @property
    def meanings(self) -> dict[str, str] | None:
        """The value map; without one, a column of canonical words knows these words."""
        return self.value_map or ({word: word for word in self.words} or None)

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers it may arrive under, best first: those of sources.yaml, or else of the canon; none where
        sources.yaml does not name the column."""
        if not self.mapped or self.constant is not None:
            return ()
        return (self.raw or self.name, *self.aliases)
