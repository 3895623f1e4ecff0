"""The pictures of README and docs: each is small, shown somewhere, and one that `make pictures` can take again."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from pipelines.exports.brief.paper import draw_pages
from pipelines.settings import PROJECT, Settings
from scripts import make_pictures
from scripts.pages_in_pictures import DASHBOARDS, list_files, list_ui
from tests.support import chromium

PICTURES = sorted((PROJECT / "docs" / "pictures").glob("*.png"))
# Drawn from measurements by `make bench`.
PLOTS = {"cost-over-history"}


def read_documents() -> str:
    documents = [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]
    return "".join(path.read_text(encoding="utf-8") for path in documents)


def test_each_picture_is_small_and_shown() -> None:
    text = read_documents()
    assert PICTURES
    assert [path.name for path in PICTURES if path.stat().st_size > 150_000] == []
    assert [path.name for path in PICTURES if f"pictures/{path.name}" not in text] == []


def test_each_picture_is_one_that_the_script_takes(settings: Settings) -> None:
    (settings.landing / "dossier_log" / "2025-08-06").mkdir(parents=True)
    (settings.exports / "brief").mkdir(parents=True)
    (settings.exports / "brief" / "1.html").touch()
    report = settings.quality / "dossier_log" / "2025-08-06" / "a.html"
    report.parent.mkdir(parents=True)
    report.touch()
    pictures = [*list_files(settings), *list_ui(settings, "http://127.0.0.1:3000"), *DASHBOARDS]
    names = {picture.name for picture in pictures} | {"brief-paper"}
    assert {path.stem for path in PICTURES} - PLOTS == names


def test_without_a_browser_the_paper_is_drawn_and_the_lack_said(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.exports.mkdir(parents=True)
    (settings.exports / "brief.html").write_text("<html><body><p>Nghệ An</p></body></html>", encoding="utf-8")
    monkeypatch.setenv("THONGSUOT_DATA", str(settings.data))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.delenv("THONGSUOT_CHROMIUM", raising=False)
    monkeypatch.setattr(make_pictures, "PICTURES", tmp_path / "pictures")
    assert make_pictures.main() == 1
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["brief-paper.png"]
    assert "playwright install chromium" in capsys.readouterr().err


def test_a_picture_has_a_palette(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_pictures, "PICTURES", tmp_path)
    make_pictures.keep(draw_pages("<html><body><p>72,35 %</p></body></html>", 40)[0], "page")
    assert Image.open(tmp_path / "page.png").mode == "P"


def test_a_browser_of_playwright_is_found_where_no_other_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("THONGSUOT_CHROMIUM", raising=False)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    assert chromium.find_chromium() is None
    executable = tmp_path / "chromium-1208" / "chrome-linux64" / "chrome"
    executable.parent.mkdir(parents=True)
    executable.touch()
    assert chromium.find_chromium() is None, "a file that nobody may run is no browser"
    executable.chmod(0o755)
    assert chromium.find_chromium() == str(executable)
