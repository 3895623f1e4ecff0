"""The moment that a person asks a build to answer for."""

from __future__ import annotations

from datetime import date, datetime, time

from pipelines.settings import LOCAL_ZONE


class MomentRefused(ValueError):
    """No moment that a build can answer for; the text says what to write."""


def read_moment(text: str, now: datetime | None = None) -> datetime:
    """Local time without zone; a day means its end, 23:59:59, a zone is converted.

    MomentRefused for a moment after `now` (local, without zone): nobody knows its events yet.
    """
    now = now or datetime.now(LOCAL_ZONE).replace(tzinfo=None)
    try:
        moment = datetime.combine(date.fromisoformat(text), time(23, 59, 59))
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise MomentRefused(
                f"{text!r} is no moment: write '2025-08-06 16:00:00', or 2025-08-06 for the end of that day."
            ) from None
    if moment.tzinfo:
        moment = moment.astimezone(LOCAL_ZONE).replace(tzinfo=None)
    if moment > now:
        raise MomentRefused(
            f"{text!r} means {moment:%Y-%m-%d %H:%M:%S}, which is still to come: it is {now:%Y-%m-%d %H:%M:%S}. "
            f"Name a moment that is over."
        )
    return moment
