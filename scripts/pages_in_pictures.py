"""Which pages of the product are shown in README and docs: a picture's name, its page, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipelines.settings import Settings


@dataclass(frozen=True)
class Picture:
    """`texts`: words that stand on the page when it is whole; `part`: a selector, where the rest is not shown."""

    name: str
    address: str
    texts: tuple[str, ...] = ()
    part: str = ""
    width: int = 0
    height: int = 0
    is_served: bool = True

    def at(self, server: str) -> Picture:
        return replace(self, address=f"{server}{self.address}")


DASHBOARDS = [
    Picture(f"superset-{name}", f"/superset/dashboard/{name}/", height=1400, width=1400)
    for name in ("online-submission", "tasks-and-issues", "service-quality", "commune", "data-quality")
]


def list_files(settings: Settings) -> list[Picture]:
    """What lies on disk: the brief, its map, the index, a commune's page, the newest validation report of the log."""
    brief = (settings.exports / "brief.html").as_uri()
    pictures = [
        Picture("brief", brief),
        Picture("brief-map", brief, part="#map"),
        Picture("brief-index", brief, part="#index"),
    ]
    for name, paths in (
        ("brief-commune", sorted((settings.exports / "brief").glob("*.html"))[:1]),
        ("report", sorted(settings.quality.glob("dossier_log/*/*.html"))[-1:]),
    ):
        pictures += [Picture(name, path.as_uri()) for path in paths]
    return [replace(picture, is_served=False) for picture in pictures]


def list_ui(settings: Settings, server: str) -> list[Picture]:
    """Pages of Dagster: what a mart is made of, a day of a source, the release with its checks, the runs."""
    days = sorted(path.name for path in (settings.landing / "dossier_log").iterdir())
    pictures = [
        Picture(
            "dagster-lineage",
            "/assets/marts/online_submission_headline?view=lineage&lineageScope=upstream",
            texts=("int_targets",),
        ),
        Picture(
            "dagster-partition",
            f"/assets/landing/dossier_log?view=partitions&partition={days[-1]}",
            texts=("dagster/row_count",),
        ),
        Picture("dagster-release", "/assets/release", texts=("chain head",)),
        Picture("dagster-timeline", "/overview/activity/timeline", texts=("nightly",), height=260),
    ]
    return [picture.at(server) for picture in pictures]
