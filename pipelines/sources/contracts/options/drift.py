"""What sources.yaml may say of a source that no longer looks as its contract says."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipelines.sources.contracts.options.frozen import Frozen

Mode = Literal["fail", "warn", "ignore"]


class Drift(Frozen):
    """`fail`: nothing is landed; `warn`: a note on the batch; `ignore`: nothing is said.

    None of them lands a column that the contract does not name, or guesses a word or a format: rows
    that cannot be read are still judged by the suite.
    """

    extra_column: Mode = Field(
        default="warn", description="A header that the contract does not name (dropped)."
    )
    absent_column: Mode = Field(
        default="fail",
        description="A header that sources.yaml names and a delivery does not have. warn, ignore: all columns "
        "count as `optional`.",
    )
    unknown_word: Mode = Field(default="warn", description="A word that a column's value_map does not know.")
    changed_type: Mode = Field(
        default="warn", description="A typed column in which no value can be read by the declared formats."
    )
