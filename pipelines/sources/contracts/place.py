"""The province or municipality that an installation counts for."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from pipelines.settings import LOCAL_ZONE
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.options.frozen import Frozen


def _name_whole(place: dict[str, Any]) -> str:
    """`place`: the keys before it; one that is wrong is not among them, and is told as such."""
    is_vietnamese = str(place.get("country")).partition("-")[0] == "VN"
    return read_canon().whole.name_vi if is_vietnamese else str(place.get("name"))


class Place(Frozen):
    """Whose numbers these are, and when and where its days begin."""

    # It stands in the first line of every signed note, which a line end would make the note of another chain.
    code: str = Field(pattern=r"^[A-Za-z0-9._-]+$", description="Its code in the national ranking.")
    name: str = Field(description="What it is called.")
    counts_since: date = Field(description="The day counting starts; the longest period begins here.")
    country: str = Field("VN", description="ISO code; public holidays are its own.")
    stopped_is: Literal["end", "pause"] = Field(
        "end", description="Status 8: an end state, as in the reference formulas, or a pause of the clock."
    )
    done_by: Literal["date", "word"] = Field(
        "date",
        description="Tasks without a day of completion: date: not done, whatever their reported word; word: the "
        "reported word decides (flagged as `is_done_by_word` in the mart). For trackers that cannot give the day.",
    )
    timeliness_words: dict[str, Literal["late", "in_time"]] = Field(
        default_factory=dict,
        description="What a tracker's own statuses say of the due date, beside the Vietnamese phrases that are there "
        "(quá hạn, đúng hạn): overdue: late. A status that contains it says so; the longest one counts.",
    )
    timezone: str = Field("Asia/Ho_Chi_Minh", description="The zone in which days begin and times are shown.")
    whole_name: str = Field(
        default_factory=_name_whole,
        description="What all its units together are called: Toàn tỉnh, Toàn thành phố. Unless said, Toàn tỉnh in "
        "Việt Nam, and the place's own name elsewhere.",
    )

    @field_validator("timeliness_words")
    @classmethod
    def _folded_words(
        cls, words: dict[str, Literal["late", "in_time"]]
    ) -> dict[str, Literal["late", "in_time"]]:
        """As statuses are compared: in lower case; a phrase without a letter would be in every status."""
        folded = {
            unicodedata.normalize("NFC", word).lower().strip(): meaning for word, meaning in words.items()
        }
        if "" in folded:
            raise ValueError("an empty word says nothing")
        return folded

    @model_validator(mode="after")
    def _one_clock(self) -> Place:
        if self.timezone != str(LOCAL_ZONE):
            message = f"`timezone` is {self.timezone}, but this process counts days in {LOCAL_ZONE}. "
            raise ValueError(
                message + "Name this file in THONGSUOT_SOURCES, so that it is read at the start."
            )
        return self
