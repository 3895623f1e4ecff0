"""What a canonical source or reference table says of itself: the keys of a `contract.yaml` under expectations/."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from pipelines.sources.contracts.column import Column
from pipelines.sources.contracts.options.frozen import Frozen

# A delivery a night, and six hours for a night that runs late.
NIGHT_HOURS = 30
# A weekend: nothing need be recorded on it.
REST_DAYS = 2


class ReportRule(Frozen):
    """What the units of one level owe of a source (mart reporting_completeness).

    `expects`: every unit, those `seen` in a delivery before, or none. A delivery counts on the day itself and
    `max_age_days` after it. `reason`: why a unit that sends nothing is not at fault (seed reporting_reasons).
    """

    expects: Literal["every", "seen", "none"]
    on_days: Literal["all", "working"]
    max_age_days: int = Field(ge=0)
    reason: str | None = None


class Staging(Frozen):
    """What the staging model of the source holds, in English and Vietnamese.

    `defaults`: column → the word that stands for a missing one. With it, be it empty, the model itself is
    generated: every column of the contract under its own name. Without it somebody wrote the model.
    """

    en: str
    vi: str
    defaults: dict[str, str] | None = None


class CountedReports(Frozen):
    """Whose listed rows are the reports of a snapshot: `model` has a row per snapshot_day and thing, with
    unit_code and is_listed. A unit code means what it meant on the day of `dated_by`.
    """

    model: str
    dated_by: str


class Whole(Frozen):
    """What stands for all units together: in `unit_code`, in `unit_level`, and in print.

    One word for code and level: queries pick the whole place by either, dbt by the macro `whole()`.
    """

    code: str
    level: str
    name_vi: str

    @model_validator(mode="after")
    def _one_word(self) -> Whole:
        if self.code != self.level:
            raise ValueError("`code` and `level` are one word")
        return self


class LevelName(Frozen):
    """What a level of units is called in print, in Vietnamese and English."""

    vi: str
    en: str


class CanonicalTable(Frozen):
    """A reference table. A place that does not name it has an empty one, unless it is `required`.

    `whole`, `level_names` (unit level → its name): of the table of units.
    """

    title_vi: str
    description: str
    required: bool = False
    whole: Whole | None = None
    level_names: dict[str, LevelName] = Field(default_factory=dict)
    columns: dict[str, dict[str, Any]]

    @property
    def column_models(self) -> tuple[Column, ...]:
        return tuple(Column(name=name, **keys) for name, keys in self.columns.items())

    def inherited(self) -> dict[str, Any]:
        """Keys of sources.yaml that the canon fills in."""
        return {"title_vi": self.title_vi, "description": self.description}


class Evidence(Frozen):
    """What a delivered row of a log proves, for the explanation why a count of its items moved.

    `at`: when the event happened; `state`: which state it reached (a place's `milestones` fill these two); `order`:
    of two deliveries of an event the later one wins; `moves`: columns that can move a count; `begins`: SQL, whether
    the item counts from this event on; `reads`: tables of the build that it asks, each by its name without the schema.
    """

    at: str
    state: str
    order: str
    moves: tuple[str, ...]
    begins: str
    reads: tuple[str, ...] = ()


class CanonicalTimes(Frozen):
    """What the gate may expect of the times of a source.

    `lasting`: a record keeps it once it has it; corrections and deadlines that are put off are few at a time.
    `office`: people enter it, most of them in office hours.
    `written`: when the row was last written; one that changed has a later one.
    """

    lasting: tuple[str, ...] = ()
    office: tuple[str, ...] = ()
    written: tuple[str, ...] = ()


class CanonicalSource(CanonicalTable):
    """A source of rows.

    `kind`: of a log each row is an event that stays; of a snapshot each delivery is the whole list.
    `silence`: what it means that a snapshot no longer lists a row: it was withdrawn, or nothing.
    `key`: the columns that identify a row as delivered; `staged_key`: as staged, where that needs more.
    `item`: the columns that identify what the rows are about, where the key says more (a time, a state).
    `unit`: columns that name the unit a row belongs to; the first that a row fills counts.
    `trace`: columns of a landed row worth a terminal's width. `reports`: unit level → what it owes.
    `counted_in`: the dbt model whose rows these are; with it int_<source>_reports is generated.
    `moves_as_of`: the newest accepted day of the source is the moment that the numbers answer for.
    `derived`: helper columns of the suite: name → SQL over typed columns.
    `evidence`: of a log whose items a mart explains (its meta.explain), what a row proves.
    `times`: what its times must be like from one delivery to the next, and over a day.
    `grows`: counts of a snapshot that only grow from one delivery to the next, until a new period begins.
    `measures`: its other numbers that no delivery multiplies: a record has about as much as it had.
    """

    grain: str
    kind: Literal["log", "snapshot"]
    silence: Literal["withdrawn", "none"] | None = None
    moves_as_of: bool = False
    key: tuple[str, ...]
    item: tuple[str, ...] = ()
    staged_key: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    trace: tuple[str, ...]
    reports: dict[str, ReportRule]
    counted_in: CountedReports | None = None
    derived: dict[str, str] = Field(default_factory=dict)
    staged: Staging
    evidence: Evidence | None = None
    times: CanonicalTimes = CanonicalTimes()
    grows: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_its_columns(self) -> CanonicalSource:
        for key in ("key", "item", "staged_key", "unit", "trace", "grows", "measures"):
            for column in getattr(self, key):
                if column not in self.columns:
                    raise ValueError(f"`{key}`: `{column}` is not a column")
        for column in (*self.times.lasting, *self.times.office, *self.times.written):
            if self.columns.get(column, {}).get("type") not in ("timestamp", "date"):
                raise ValueError(f"`times`: `{column}` is no column of times")
        evidence = self.evidence
        for column in (evidence.at, evidence.state, evidence.order, *evidence.moves) if evidence else ():
            if column not in self.columns:
                raise ValueError(f"`evidence`: `{column}` is not a column")
        if evidence and self.kind == "snapshot":
            raise ValueError("a snapshot is its own `evidence`")
        for column in (
            *(self.staged.defaults or ()),
            *([self.counted_in.dated_by] if self.counted_in else ()),
        ):
            if column not in self.columns:
                raise ValueError(f"`staged.defaults`, `counted_in.dated_by`: `{column}` is not a column")
        if self.staged.defaults is not None and self.kind == "log":
            raise ValueError("`staged.defaults`: the staging of a log is written by hand")
        if (self.kind == "snapshot") is (self.silence is None):
            raise ValueError("a snapshot says what its `silence` means, a log does not")
        return self

    def inherited(self) -> dict[str, Any]:
        return super().inherited() | {
            "grain": self.grain,
            "key": list(self.key),
            "unit": list(self.unit),
            "derived": dict(self.derived),
            "freshness_hours": self.allowed_age_hours(),
        }

    def allowed_age_hours(self) -> int:
        """How old the newest delivery may be: the days that the units have, a weekend where they rest, a late night."""
        days = [
            rule.max_age_days + (REST_DAYS if rule.on_days == "working" else 0)
            for rule in self.reports.values()
        ]
        return NIGHT_HOURS + 24 * max(days, default=0)
