"""`thongsuot releases`: what was published, how releases differ and why, the old brought back."""

from __future__ import annotations

import click
from rich.table import Table

from pipelines.cli.answers import ANSWERED, DIFFERENT, answering, as_json, leave, say
from pipelines.cli.console import console, print_plain
from pipelines.cli.difference import print_difference, print_row_changes
from pipelines.cli.listing import ListColumn, is_piped, print_list
from pipelines.settings import Settings

RELEASES = (
    ListColumn("release", "số · id", is_number=True),
    ListColumn("published_utc", "công bố · published (UTC)", minor=1),
    ListColumn("as_of", "thời điểm · as of"),
    ListColumn("reason", "lý do · reason", minor=2, is_text=True),
    ListColumn("batches", "lô · batches", minor=4, is_number=True),
    ListColumn("kept", "còn · kept", minor=3),
    ListColumn("hash", "mã băm · hash"),
)

WITHDRAWALS = (
    ListColumn("source", "nguồn · source"),
    ListColumn("partition_key", "ngày · day"),
    ListColumn("batch_id", "lô · batch"),
    ListColumn("author", "bởi · by", is_text=True),
    ListColumn("reason", "lý do · reason", is_text=True),
    ListColumn("happened_at", "lúc · when (UTC)", minor=1),
)


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def releases(context: click.Context, as_json: bool) -> None:
    """Every release. Exit codes: 0 fine, 1 a difference or a broken chain, 2 no answer."""
    if context.invoked_subcommand is None:
        _list(as_json)


@releases.command("list")
@as_json
def list_(as_json: bool) -> None:
    """Every release: when, as of when, why, and the head of its hash chain."""
    _list(as_json)


def _list(as_json: bool) -> None:
    from pipelines.lake import chain as links
    from pipelines.lake import ledger
    from pipelines.lake.catalogue import open_lake

    with answering(), open_lake(Settings.from_env()) as con:
        chain = ledger.list_releases(con)
        kept = {release.release_id for release in ledger.list_kept(con, chain)}
        problems = links.find_breaks(chain, links.list_events(con))
    if as_json:
        say([{**vars(release), "is_kept": release.release_id in kept} for release in chain])
    else:
        rows = []
        for release in chain:
            why = f"{release.reason} (restores {release.restores})" if release.restores else release.reason
            digest = release.release_hash if is_piped() else release.release_hash[:16]
            mark = "✓" if release.release_id in kept else "–"
            published = f"{release.published_at:%Y-%m-%d %H:%M:%S}"
            rows.append(
                [release.release_id, published, release.as_of, why, release.input_batches, mark, digest]
            )
        print_list(RELEASES, rows, most=len(rows))
        for problem in problems:
            console.print(f"[red]The ledger's chain is broken:[/] {problem}. Run `thongsuot verify`.")
    leave(DIFFERENT if problems else ANSWERED)


@releases.command()
@click.argument("release_id", type=int, metavar="N", required=False)
@as_json
def show(release_id: int | None, as_json: bool) -> None:
    """What one release is made of (default: the newest): code, batches, tables, rates."""
    from pipelines.exports.findings import list_finding_lines
    from pipelines.gate.record import list_checks, list_release_findings
    from pipelines.lake import chain as links
    from pipelines.lake import inputs, ledger
    from pipelines.lake.catalogue import ALIAS, open_lake
    from pipelines.releases.withdrawn import list_withdrawn
    from pipelines.sources.contracts.canon import read_canon

    with answering(), open_lake(Settings.from_env()) as con:
        release = ledger.find_release(ledger.list_releases(con), release_id)
        pruned = [p for p in links.list_prunes(con) if p.release_id == release.release_id]
        batches = inputs.list_inputs(con, release.release_id)
        checks = list_checks(con, release.release_id)
        findings = list_release_findings(con, release.release_id)
        engine = inputs.find_engine(con, release.release_id)
        withdrawals = list_withdrawn(con, release)
        rates = con.execute(
            f"select metric, period, numerator, denominator from {ALIAS}.audit.release_rates "
            "where release_id = ? and unit_code = ? order by all",
            [release.release_id, read_canon().whole.code],
        ).fetchall()
    if as_json:
        columns = ("metric", "period", "numerator", "denominator")
        say(
            {
                **vars(release),
                "engine": engine and engine._asdict(),
                "pruned": pruned,
                "batches": [b._asdict() for b in batches],
                "checks": checks,
                "withdrawals": withdrawals,
                "rates": [dict(zip(columns, r, strict=True)) for r in rates],
            }
        )
        return
    facts = Table(show_header=False, box=None, pad_edge=False)
    for label, value in vars(release).items():
        if label != "marts" and value is not None:
            facts.add_row(label, str(value))
    if engine:
        facts.add_row("engine", f"{engine.engine} {engine.version} {engine.settings}")
    for prune in pruned:
        facts.add_row("pruned", f"{prune.pruned_at} by {prune.author}: {prune.reason}")
    for metric, period, numerator, denominator in rates:
        share = f"{100 * numerator / denominator:.2f} %" if denominator else "n/a"
        facts.add_row(f"{metric}, {period}", f"{share} ({numerator} / {denominator})")
    console.print(facts)
    if checks:
        rules = len({check["rule"] for check in checks})
        quiet = "" if findings else ": không có phát hiện · nothing found"
        print_plain(f"Cổng kiểm tra · the gate: {rules} quy tắc · rules{quiet}")
    for line in list_finding_lines(findings, release.release_id, most=len(findings)):
        print_plain(line)
    if withdrawals:
        print_list(
            WITHDRAWALS,
            [[event[column.name] for column in WITHDRAWALS] for event in withdrawals],
            title="Lô đã rút · withdrawn batches",
            most=len(withdrawals),
        )
    print_list(
        (ListColumn("table", "bảng · table"), ListColumn("rows", "dòng · rows", is_number=True),
         ListColumn("content_hash", "mã băm · content hash", minor=1)),
        [[name, mart.rows, mart.sha256] for name, mart in sorted(release.marts.items())],
        most=len(release.marts),
    )  # fmt: skip
    counts: dict[tuple[str, str], int] = {}
    for batch in batches:
        counts[batch.source, batch.standing] = counts.get((batch.source, batch.standing), 0) + 1
    print_list(
        (ListColumn("source", "nguồn · source"), ListColumn("standing", "trạng thái · standing"),
         ListColumn("batches", "lô · batches", is_number=True)),
        [[source, standing, count] for (source, standing), count in sorted(counts.items())],
    )  # fmt: skip


@releases.command()
@click.argument("first", type=int, metavar="A")
@click.argument("second", type=int, metavar="B")
@click.option("--mart", metavar="M", help="also the rows of this mart that differ")
@click.option("--unit", help="explain this unit's rate; default: the whole place's")
@click.option("--dossiers", is_flag=True, help="name the dossiers behind each part")
@as_json
def diff(first: int, second: int, mart: str | None, unit: str | None, dossiers: bool, as_json: bool) -> None:
    """Why B says something else than A. Exit code 0: the same content; 1: they differ."""
    from pipelines.explain.difference import find_difference
    from pipelines.explain.explain_rule import list_metrics
    from pipelines.explain.row_changes import find_row_changes
    from pipelines.lake.catalogue import open_lake
    from pipelines.lake.manifest import read_marts, read_models

    settings = Settings.from_env()
    metrics = list_metrics(read_models(settings.dbt_target / "manifest.json"))
    with answering(), open_lake(settings) as con:
        comparison = find_difference(con, first, second, unit=unit, dossiers=dossiers, metrics=metrics)
        rows = None
        if mart:
            name = mart if "." in mart else f"marts.{mart}"
            keys = {m.qualified: m.key for m in read_marts(settings.dbt_target / "manifest.json")}
            if name not in keys:
                raise LookupError(f"There is no mart {mart!r}: {', '.join(keys)}.")
            rows = find_row_changes(con, comparison.first, comparison.second, name, keys[name])
    if as_json:
        tables = {
            n: {"rows_before": x, "rows_after": y, "same": z} for n, (x, y, z) in comparison.tables.items()
        }
        say(
            {
                "a": first, "b": second, "same_content": comparison.same_content,
                "same_code": comparison.first.same_code(comparison.second),
                "tables": tables, "batches": comparison.batches, "rates": comparison.rates, "rows": rows,
            }
        )  # fmt: skip
    else:
        print_difference(comparison)
        if rows:
            print_row_changes(mart or "", rows)
    leave(ANSWERED if comparison.same_content else DIFFERENT)
