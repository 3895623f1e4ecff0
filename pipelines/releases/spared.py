"""Releases that no age takes away: what stands behind a figure that was reported, or that somebody answered for."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import pairwise

import duckdb

from pipelines.lake import chain as links
from pipelines.lake.ledger import Release
from pipelines.landing.cutoffs import list_cutoffs
from pipelines.releases.holds import ACCEPTED
from pipelines.settings import Settings, SettingsError
from pipelines.warehouse.moment import MomentRefused, read_moment

VARIABLE = "THONGSUOT_KEEP_ALSO"


def find_spared(con: duckdb.DuckDBPyConnection, settings: Settings, chain: Sequence[Release]) -> set[int]:
    """Numbers of: those of a reporting cut-off, of an earlier moment that somebody asked for, accepted by name, listed.

    SettingsError for a list that cannot be read.
    """
    moments = set(_read_cutoffs(settings))
    spared = {release.release_id for release in chain if release.as_of in moments}
    # Nights go forward: one that goes back answers for a moment that a person chose.
    spared |= {later.release_id for before, later in pairwise(chain) if later.as_of < before.as_of}
    events = links.list_hold_events(con)
    spared |= {event.after_release for event in events if event.event == ACCEPTED}
    return spared | read_keep_also()


def _read_cutoffs(settings: Settings) -> list[datetime]:
    moments = []
    for text in list_cutoffs(settings.landing):
        with suppress(MomentRefused):  # no release was ever made for it
            moments.append(read_moment(text, now=datetime.max))
    return moments


def read_keep_also(env: Mapping[str, str] | None = None) -> set[int]:
    """Numbers that the installation lists: what others cite, or pinned a page to."""
    text = (os.environ if env is None else env).get(VARIABLE) or ""
    numbers = [number for number in re.split(r"[\s,]+", text) if number]
    try:
        return {int(number) for number in numbers}
    except ValueError:
        raise SettingsError(f"{VARIABLE} is {text!r}: write numbers of releases such as 12,40.") from None
