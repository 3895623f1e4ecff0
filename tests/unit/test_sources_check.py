"""`thongsuot sources check` on a deliberately wrong mapping: a newcomer is told exactly what to change."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from pipelines.cli.sources import sources

LOG = """\
case_id,event_time,activity,channel,department,deadline,clerk,remark
C1,2025-10-25 09:00:00,Received,web portal,REG,2025-11-25T09:00:00,A. Beispiel,call 0912345678
C2,2025-10-25 10:30:00,Received,counter,REG,2025-11-25T10:30:00,A. Beispiel,
C3,2025-10-25 11:30:00,Done,web portal,OLD,2025-11-25T11:30:00,A. Beispiel,
"""

# Wrong: the header of recorded_at, a word of channel, the format of the deadline, and nobody is personal.
WRONG: dict[str, Any] = {
    "place": {"code": "X", "name": "Somewhere", "counts_since": "2025-10-01"},
    "first_day": "2025-10-01",
    "sources": {
        "dossier_log": {
            "connector": "files",
            "partitioning": "change_day",
            "path": "{data}/{partition}.csv",
            "format": "csv",
            "datetime_formats": ["%Y-%m-%d %H:%M:%S"],
            "max_rejected_share": 0.02,
            "columns": {
                "dossier_code": "case_id",
                "recorded_at": "time of event",
                "status_code": {"raw": "activity", "value_map": {"Received": 2, "Done": 9}},
                "channel": {"raw": "channel", "value_map": {"web-portal": "online", "counter": "in_person"}},
                "receiving_unit_code": "department",
                "due_at": "deadline",
            },
        }
    },
    "reference": {"units": {"path": "{data}/units.csv"}},
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "2025-10-25.csv").write_text(LOG, encoding="utf-8")
    (tmp_path / "units.csv").write_text("unit_code,unit_name\nREG,Registry\n", encoding="utf-8")
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump(WRONG), encoding="utf-8")
    monkeypatch.setenv("THONGSUOT_DATA", str(tmp_path))
    monkeypatch.setenv("THONGSUOT_SOURCES", str(tmp_path / "sources.yaml"))
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path


def check(*words: str) -> Result:
    return CliRunner().invoke(sources, ["check", *words])


def merged(into: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        at = into.get(key)
        if isinstance(value, dict) and isinstance(at, dict):
            merged(at, value)
        elif isinstance(value, dict) and isinstance(at, str):
            into[key] = {"raw": at, **value}
        else:
            into[key] = value


def test_a_newcomer_is_told_what_to_change_and_then_the_source_is_ready(place: Path) -> None:
    result = check()
    assert result.exit_code == 1
    output = " ".join(result.output.split())
    for expected in (
        "recorded_at required; the header 'time of event' is not there; did you mean 'event_time'?",
        "channel 2 rows say 'web portal', which the value map does not know; it is how online is written elsewhere",
        "due_at 3 rows hold a text of the shape '9999-99-99A99:99:99', which no format of `datetime_formats` "
        "reads; '%Y-%m-%dT%H:%M:%S' would",
        "receiving_unit_code codes that `reference.units` does not know: 'OLD' (1)",
        "clerk looks personal by its name (official); declare it under `personal`",
        "remark 1 rows hold what looks like a phone; it is not declared. Declare it under `personal`",
        "nothing was changed",
    ):
        assert expected in output, f"{expected}\n{result.output}"
    assert "0912345678" not in result.output and "Beispiel" not in result.output

    (report,) = json.loads(check("--json").output)
    corrected = yaml.safe_load((place / "sources.yaml").read_text("utf-8"))
    merged(corrected["sources"]["dossier_log"], report["changes"])
    (place / "sources.yaml").write_text(yaml.safe_dump(corrected), encoding="utf-8")
    again = check("dossier_log", "--partition", "2025-10-25")
    assert again.exit_code == 0, again.output
    assert "dossier_log 2025-10-25: ready" in again.output and "rejected 0 of 3 rows" in again.output


def test_what_would_be_rejected_is_told_by_rule_and_nothing_is_landed(place: Path) -> None:
    right = yaml.safe_load((place / "sources.yaml").read_text("utf-8"))
    columns = right["sources"]["dossier_log"]["columns"]
    columns["recorded_at"] = "event_time"
    del columns["due_at"]
    columns["channel"]["value_map"] = {"counter": "in_person"}
    (place / "sources.yaml").write_text(yaml.safe_dump(right), encoding="utf-8")
    result = check()
    assert result.exit_code == 1
    assert "2 of 3 rows would be rejected (66.7%, more than `max_rejected_share` 2.0%)" in " ".join(
        result.output.split()
    )
    assert "2 × channel_unknown (rejected)" in result.output
    assert not (place / "landing").exists() and not (place / "quality").exists()


def test_a_source_that_cannot_be_reached_says_so_and_the_next_is_still_checked(place: Path) -> None:
    (place / "2025-10-25.csv").unlink()
    result = check("--partition", "2025-10-25")
    assert result.exit_code == 1 and "no file 2025-10-25.csv in " in result.output
    assert "--partition DAY" in result.output


def test_a_secret_that_is_not_set_is_named_like_any_other_fault(place: Path) -> None:
    text = (place / "sources.yaml").read_text("utf-8").replace("{data}/{part", "${NOT_SET_ANYWHERE}/{part")
    (place / "sources.yaml").write_text(text, encoding="utf-8")
    result = check()
    assert result.exit_code == 1 and "the environment has no NOT_SET_ANYWHERE" in result.output


def test_a_header_under_a_merged_one_is_known_as_personal_mapped_or_not(place: Path) -> None:
    header = "case_id,event_time,activity,Nộp bởi Họ và tên,Nộp bởi Điện thoại"
    line = "C1,2025-10-25 09:00:00,Received,A. Beispiel,none"
    (place / "2025-10-25.csv").write_text(f"{header}\n{line}\n", encoding="utf-8")
    right = yaml.safe_load((place / "sources.yaml").read_text("utf-8"))
    columns = {"dossier_code": "case_id", "recorded_at": "event_time", "procedure_name": "Nộp bởi Họ và tên"}
    columns |= {"status_code": {"raw": "activity", "value_map": {"Received": 2}}}
    right["sources"]["dossier_log"]["columns"] = columns
    (place / "sources.yaml").write_text(yaml.safe_dump(right), encoding="utf-8")
    output = " ".join(check().output.split())
    assert (
        "procedure_name is read from 'Nộp bởi Họ và tên', which looks personal by its name (name)" in output
    )
    assert "Nộp bởi Điện thoại looks personal by its name (contact); declare it" in output


def test_a_word_that_is_merely_similar_is_not_suggested(place: Path) -> None:
    log = LOG.replace("web portal", "Trực tiêp")
    (place / "2025-10-25.csv").write_text(log, encoding="utf-8")
    right = yaml.safe_load((place / "sources.yaml").read_text("utf-8"))
    columns = right["sources"]["dossier_log"]["columns"]
    columns["channel"]["value_map"] = {"Trực tiếp": "in_person", "counter": "in_person"}
    (place / "sources.yaml").write_text(yaml.safe_dump(right), encoding="utf-8")
    (report,) = json.loads(check("--json").output)
    assert "channel" not in report["changes"].get("columns", {})
    assert report["unknown_words"]["channel"] == {"Trực tiêp": 2}


def test_an_inbox_is_sampled_by_what_waits_in_it(place: Path) -> None:
    (place / "inbox").mkdir()
    dropped = (place / "2025-10-25.csv").rename(place / "inbox" / "log 2025-10-25.csv")
    os.utime(dropped, (0, 0))
    right = yaml.safe_load((place / "sources.yaml").read_text("utf-8"))
    log = right["sources"]["dossier_log"]
    del log["path"]
    log |= {"inbox": "{data}/inbox", "date_in_name": "%Y-%m-%d"}
    (place / "sources.yaml").write_text(yaml.safe_dump(right), encoding="utf-8")
    (report,) = json.loads(check("--json").output)
    assert (report["partition"], report["mapped"]["dossier_code"]) == ("2025-10-25", "case_id")
    assert dropped.exists()


def test_a_header_of_a_reference_file_that_nothing_reads_is_told(place: Path) -> None:
    (place / "units.csv").write_text("unit_code,unit_name,level\nREG,Registry,x\n", encoding="utf-8")
    output = " ".join(check().output.split())
    assert "reference.units columns not in the contract, dropped: level" in output
    assert "unit_level" in output  # among those that are absent


def test_a_folder_in_the_place_of_the_file_is_called_a_folder(place: Path) -> None:
    (place / "2025-10-25.csv").unlink()
    (place / "2025-10-25.csv").mkdir()
    output = " ".join(check("--partition", "2025-10-25").output.split())
    assert "is a folder, not a file" in output and "no file" not in output


def test_a_misspelt_source_names_the_nearest(place: Path) -> None:
    result = check("dosier_log")
    assert result.exit_code == 2 and "did you mean `dossier_log`?" in result.output


def test_list_names_every_source_and_schema_is_json(place: Path) -> None:
    listed = CliRunner().invoke(sources, ["list"])
    assert "dossier_log" in listed.output and "6 of 23" in listed.output and "never" in listed.output
    assert json.loads(CliRunner().invoke(sources, ["schema"]).output)["title"] == "Contracts"


def test_a_header_that_is_not_there_and_an_alias_read_in_its_place_are_told(place: Path) -> None:
    content = json.loads(json.dumps(WRONG))
    channel = content["sources"]["dossier_log"]["columns"]["channel"]
    channel |= {"raw": "way of submission", "aliases": ["channel"]}
    (place / "sources.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    output = " ".join(check("dossier_log", "--partition", "2025-10-25").output.split())
    assert "the header 'way of submission' is not there; 'channel' is read instead, an alias" in output


def test_a_default_that_every_row_would_take_is_told(place: Path) -> None:
    log = LOG.replace("activity,channel,", "activity,way,")
    (place / "2025-10-25.csv").write_text(log, encoding="utf-8")
    content = json.loads(json.dumps(WRONG))
    content["sources"]["dossier_log"]["columns"].pop("channel")
    (place / "sources.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    output = " ".join(check("dossier_log", "--partition", "2025-10-25").output.split())
    assert "channel is not mapped: every row will count as in_person" in output


def log_of(words: list[str]) -> str:
    lines = [f"C{n},2025-10-25 09:00:00,Received,{word},REG,,," for n, word in enumerate(words)]
    return LOG.splitlines()[0] + "\n" + "\n".join(lines) + "\n"


def right_place(place: Path, **columns: Any) -> dict[str, Any]:
    """The contract with the right headers, `columns` besides."""
    right = yaml.safe_load((place / "sources.yaml").read_text("utf-8"))
    right["sources"]["dossier_log"]["columns"] |= {"recorded_at": "event_time", "due_at": None, **columns}
    (place / "sources.yaml").write_text(yaml.safe_dump(right), encoding="utf-8")
    return right


def test_every_unknown_word_is_listed_and_the_map_to_fill_in_is_refused_until_it_is(place: Path) -> None:
    """27 words: none is left out, and `Intern` is not made online because it looks like Internet."""
    words = [f"way {chr(97 + n)}{chr(97 + n)}" for n in range(25)] + ["Intern", "Intern", "Internet"]
    (place / "2025-10-25.csv").write_text(log_of(words), encoding="utf-8")
    right_place(place, channel={"raw": "channel", "value_map": {"counter": "in_person"}})
    output = check().output
    suggested, _, skeleton = output.partition("Words that only you can place; fill in the map and copy it:")
    # An alias of online in the contract: a known way of writing it, not a likeness.
    assert "          Internet: online\n" in suggested and "Intern:" not in suggested
    columns = yaml.safe_load(skeleton)["sources"]["dossier_log"]["columns"]
    assert columns["channel"]["value_map"] == dict.fromkeys({"Intern", *words[:25]})
    assert "          Intern:  # 2 rows" in skeleton and "value_map:  # in_person, online, postal" in skeleton
    filled = yaml.safe_load((place / "sources.yaml").read_text("utf-8"))
    merged(filled, yaml.safe_load(skeleton))
    (place / "sources.yaml").write_text(yaml.safe_dump(filled), encoding="utf-8")
    refusal = check()
    assert refusal.exit_code != 0 and "value_map.Intern" in str(refusal.exception or refusal.output)


def test_rarer_words_may_follow_a_sample_and_everything_can_be_read(place: Path) -> None:
    (place / "2025-10-25.csv").write_text(log_of(["counter"] * 30 + ["drone"]), encoding="utf-8")
    right_place(place)
    first = " ".join(check("--rows", "30").output.split())
    assert (
        "only the first 30 rows were read: rarer words and faults may follow" in first
        and "drone" not in first
    )
    every = " ".join(check("--rows", "all").output.split())
    assert "1 rows say 'drone'" in every and "rarer words" not in every
    assert check("--rows", "some").exit_code == 2


def test_codes_are_compared_as_the_map_gives_them(place: Path) -> None:
    """The department's names are mapped to codes: a right map draws no warning, a wrong one does."""
    right_place(place, receiving_unit_code={"raw": "department", "value_map": {"REG": "REG", "OLD": "REG"}})
    assert "does not know: 'OLD'" not in check().output
    right_place(place, receiving_unit_code={"raw": "department", "value_map": {"REG": "REG", "OLD": "X9"}})
    assert "codes that `reference.units` does not know: 'X9' (1)" in " ".join(check().output.split())
