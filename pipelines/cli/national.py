"""`thongsuot national`: the newest releases of many places side by side, as a release of its own."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.answers import ANSWERED, DIFFERENT, answering, as_json, leave, say
from pipelines.cli.console import console, hold_writer, print_plain
from pipelines.settings import Settings


@click.command()
@click.option(
    "--places",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default="national.yaml",
    show_default=True,
    help="the list: `places:`, each with code, name, lake and, where its releases are signed, public_key",
)
@click.option("--as-of", "as_of", metavar="T", help="by default the newest as_of of a place that can be read")
@click.option("--reason", default="thongsuot national", show_default=True, help="written into the release")
@as_json
def national(file: Path, as_of: str | None, reason: str, as_json: bool) -> None:
    """Read and check each place's lake, publish what they add up to. Exit code 0: all present; 1: one is missing."""
    from pipelines.national.places import WrongList
    from pipelines.national.publish import find_national, publish_national
    from pipelines.releases.errors import PublishError
    from pipelines.warehouse.moment import MomentRefused, read_moment

    settings = Settings.from_env()
    try:
        moment = read_moment(as_of) if as_of else None
    except MomentRefused as error:
        raise click.BadParameter(str(error), param_hint="--as-of") from None
    with answering(), console.status("national…") as status, hold_writer(find_national(settings)):
        try:
            result = publish_national(
                settings, file, moment=moment, reason=reason,
                progress=lambda what: status.update(f"national: {what}"),
            )  # fmt: skip
        except (WrongList, PublishError) as error:
            raise click.ClickException(str(error)) from None
    release, missing = result.publication.release, [p for p in result.places if not p.is_present]
    if as_json:
        say(
            {
                "release": release.release_id,
                "release_hash": release.release_hash,
                "is_new": result.publication.is_new,
                "places": [
                    {
                        "code": p.place.code,
                        "name": p.place.name,
                        "missing_reason": p.reason or None,
                        "detail": p.detail or None,
                        "release": p.release.release_id if p.release else None,
                        "release_hash": p.release.release_hash if p.release else None,
                        "is_signed": p.is_signed,
                    }
                    for p in result.places
                ],
            }
        )
        leave(DIFFERENT if missing else ANSWERED)
    for place in result.places:
        release_text = (
            f"release {place.release.release_id} {place.release.release_hash[:16]}" if place.release else "–"
        )
        signed = ", đã ký · signed" if place.is_signed else ""
        print_plain(f"✓ {place.place.name}: {release_text}{signed}" if place.is_present
                    else f"✗ {place.place.name}: {place.reason}, {place.detail}")  # fmt: skip
    print_plain(
        f"Bản phát hành quốc gia · national release {release.release_id} as of {release.as_of}: "
        f"{len(result.places) - len(missing)} of {len(result.places)} places; {result.publication.why}"
    )
    leave(DIFFERENT if missing else ANSWERED)
