"""Lists of commands: whole in a pipe, and nothing cut on a terminal of 80 columns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pipelines.cli import console as console_module
from pipelines.cli import listing
from pipelines.cli.listing import ListColumn, print_list

COLUMNS = (
    ListColumn("id", "số · id", is_number=True),
    ListColumn("published", "công bố · published", minor=1),
    ListColumn("reason", "lý do · reason", minor=2, is_text=True),
    ListColumn("hash", "mã băm · hash"),
)
ROWS = [[n, f"2026-11-29 22:0{n}:43", "nightly run [of] a\tnight", f"{n}" * 64] for n in (1, 2)]


def show(monkeypatch: pytest.MonkeyPatch, width: int, rows: list[list[object]] = ROWS, **words: int) -> str:
    file = io.StringIO()
    terminal = Console(file=file, width=width, force_terminal=True, color_system=None)
    for module in (listing, console_module):
        monkeypatch.setattr(module, "console", terminal)
    print_list(COLUMNS, rows, **words)
    return file.getvalue()


def test_a_pipe_gets_every_value_whole(capsys: pytest.CaptureFixture[str]) -> None:
    print_list(COLUMNS, ROWS)
    header, first, second = capsys.readouterr().out.splitlines()
    assert header == "id\tpublished\treason\thash"
    assert first == f"1\t2026-11-29 22:01:43\tnightly run [of] a night\t{'1' * 64}"
    assert second.endswith("2" * 64)


@pytest.mark.parametrize(
    ("width", "there", "left"),
    [
        (160, ["2026-11-29 22:01:43", "nightly run [of] a", "1" * 64], []),
        (120, ["2026-11-29 22:01:43", "1" * 64], ["lý do · reason"]),
        (80, ["1" * 64], ["lý do · reason", "công bố · published"]),
    ],
)
def test_a_narrow_terminal_leaves_out_minor_columns_and_says_so(
    monkeypatch: pytest.MonkeyPatch, width: int, there: list[str], left: list[str]
) -> None:
    text = show(monkeypatch, width)
    assert [value for value in there if value not in text] == []
    assert max(map(len, text.splitlines()[:-1])) <= width
    note = text.splitlines()[-1] if left else ""
    assert [title for title in left if title not in note] == []


def test_what_does_not_fit_at_all_is_stacked(monkeypatch: pytest.MonkeyPatch) -> None:
    text = show(monkeypatch, 40)
    assert f"mã băm · hash: {'1' * 64}" in text and "công bố · published: 2026-11-29 22:01:43" in text


def test_a_long_list_says_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "1 of 2" in show(monkeypatch, 160, most=1)
