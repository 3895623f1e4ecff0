"""Deliveries of which some are dirty, as real sources are: what they say is known, so that a wrong value can be told.

A delivery is a small list of tasks. One kind of dirt at most is put into each; `truth` stays what the source means.
"""

from __future__ import annotations

import csv
import io
import json
import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

HEADERS = {
    "task_code": "Mã nhiệm vụ",
    "title": "Nội dung nhiệm vụ",
    "unit_code": "Mã đơn vị báo cáo",
    "due_date": "Hạn hoàn thành",
    "reported_status": "Trạng thái",
    "progress": "Tiến độ",
    "completed_date": "Ngày hoàn thành",
}
WORDS = {"not_started": "Chưa thực hiện", "in_progress": "Đang thực hiện", "done": "Hoàn thành"}
PLACEHOLDERS = ("01/01/1900", "31/12/9999", "1970-01-01", "00/01/1900", "0001-01-01", "30/12/1899")
# Slips of the hand, ten years off or more on each day of the lists (2025-08 to 2026-12).
YEARS = ("2052", "2105", "1925", "2005", "2037", "2015")
LOOKS_LIKE = {"N": "\u039d", "V": "\u2164", "H": "\u041d", "0": "\uff10", "-": "\u2011"}


@dataclass
class Delivery:
    """`truth`: code → column → what is meant; `texts`: the rows as they are delivered, by header."""

    truth: dict[str, dict[str, Any]]
    texts: list[dict[str, Any]]
    headers: list[str] = field(default_factory=lambda: list(HEADERS.values()))
    kind: str = "clean"
    format: str = "csv"
    above: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)
    encoding: str = "utf-8"
    tail: Callable[[bytes], bytes] = bytes

    @property
    def first(self) -> dict[str, Any]:
        return self.texts[0]

    def write(self) -> bytes:
        if self.format in ("json", "ndjson"):
            records = [{name: row.get(name) for name in self.headers} for row in self.texts]
            lines = map(json.dumps, records)
            text = json.dumps({"items": records}) if self.format == "json" else "\n".join(lines) + "\n"
        else:
            out = io.StringIO()
            writer = csv.DictWriter(
                out, self.headers, delimiter=";", lineterminator="\n", extrasaction="ignore"
            )
            writer.writeheader()
            writer.writerows(self.texts)
            text = (
                "".join(f"{line}\n" for line in self.above)
                + out.getvalue()
                + "".join(f"{x}\n" for x in self.below)
            )
        return self.tail(text.encode(self.encoding))


def make_clean(chance: random.Random) -> Delivery:
    truth, texts = {}, []
    for number in chance.sample(range(1, 400), chance.randint(6, 12)):
        status = chance.choice(list(WORDS))
        due = date(2025, 1, 1) + timedelta(days=chance.randrange(700))
        progress = 100 if status == "done" else chance.randrange(0, 96)
        completed = date(2025, 7, 1) + timedelta(days=chance.randrange(30)) if status == "done" else None
        row = {
            "task_code": f"NV-{number:03d}",
            "title": f"Việc số {number}",
            "unit_code": chance.choice(["18001", "18002", "H42.01"]),
            "due_date": due,
            "reported_status": status,
            "progress": progress,
            "completed_date": completed,
        }
        truth[row["task_code"]] = row
        texts.append(
            {
                HEADERS["task_code"]: row["task_code"],
                HEADERS["title"]: row["title"],
                HEADERS["unit_code"]: row["unit_code"],
                HEADERS["due_date"]: f"{due:%d/%m/%Y}",
                HEADERS["reported_status"]: WORDS[status],
                HEADERS["progress"]: f"{progress}%",
                HEADERS["completed_date"]: f"{completed:%d/%m/%Y}" if completed else "",
            }
        )
    return Delivery(truth, texts, format=chance.choice(["csv", "csv", "json", "ndjson"]))


Spoiler = Callable[[Delivery, random.Random], None]


def _spoil_cell(column: str, change: Callable[[str, random.Random], Any]) -> Spoiler:
    def spoil(delivery: Delivery, chance: random.Random) -> None:
        row = chance.choice(delivery.texts)
        row[HEADERS[column]] = change(row[HEADERS[column]], chance)

    return spoil


def _spoil_column(column: str, change: Callable[[str, random.Random], Any]) -> Spoiler:
    def spoil(delivery: Delivery, chance: random.Random) -> None:
        for row in delivery.texts:
            row[HEADERS[column]] = change(row[HEADERS[column]], chance)

    return spoil


def _rename(delivery: Delivery, old: str, new: str | None) -> None:
    delivery.headers = [new if h == old else h for h in delivery.headers if not (h == old and new is None)]  # type: ignore[misc]
    for row in delivery.texts:
        value = row.pop(old)
        if new is not None:
            row[new] = value


def _lose_header(delivery: Delivery, chance: random.Random) -> None:
    _rename(delivery, chance.choice(delivery.headers), None)


def _misspell_header(delivery: Delivery, chance: random.Random) -> None:
    header = chance.choice(delivery.headers)
    replaced = chance.choice(
        [header.replace("a", "\u0430"), header + " (mới)", header.replace("M", "\u041c"), "Cột 7"]
    )
    if replaced != header:
        _rename(delivery, header, replaced)


def _write_header_otherwise(delivery: Delivery, chance: random.Random) -> None:
    header = chance.choice(delivery.headers)
    ways = [
        unicodedata.normalize("NFD", header),
        header.upper(),
        header.replace(" ", "\u00a0"),
        header.replace("đ", "ð"),
    ]
    _rename(delivery, header, chance.choice(ways))


def _repeat_row(delivery: Delivery, chance: random.Random) -> None:
    delivery.texts.append(dict(chance.choice(delivery.texts)))


def _repeat_key(delivery: Delivery, chance: random.Random) -> None:
    row = dict(chance.choice(delivery.texts))
    code = row[HEADERS["task_code"]]
    row[HEADERS["task_code"]] = chance.choice(
        [code + " ", code.lower(), code + ".", f'="{code}"', "\u200b" + code]
    )
    row[HEADERS["title"]] = "khác"
    delivery.texts.append(row)


def _exchange_dates(delivery: Delivery, chance: random.Random) -> None:
    delivery.texts = [dict(row) for row in delivery.texts]
    code, due = HEADERS["task_code"], HEADERS["due_date"]
    for number in range(500, 520):
        day = date(2025, 7, 1) + timedelta(days=number - 500)
        row = dict(delivery.first) | {
            code: f"NV-{number}",
            HEADERS["completed_date"]: "",
            HEADERS["progress"]: "5%",
        }
        row |= {HEADERS["reported_status"]: WORDS["in_progress"]}
        row[due] = f"2025-{day.day:02d}-07" if day.day <= 12 else f"{day:%d/%m/%Y}"
        delivery.texts.append(row)
        first = delivery.truth[delivery.first[code]]
        changed = {"task_code": row[code], "due_date": day, "completed_date": None}
        delivery.truth[row[code]] = first | changed | {"reported_status": "in_progress", "progress": 5}
    kept = {f"NV-{n}" for n in range(500, 520)}
    delivery.texts = [row for row in delivery.texts if row[code] in kept]


def _header_only(delivery: Delivery, chance: random.Random) -> None:
    delivery.texts = []


def _extra_lines(delivery: Delivery, chance: random.Random) -> None:
    delivery.format = "csv"
    if chance.random() < 0.5:
        delivery.above = [chance.choice(["sep=;", '"sep=;"', "BÁO CÁO NHIỆM VỤ", "Tỉnh Hà Tĩnh;;;;;;"])]
    if chance.random() < 0.7:
        delivery.below = [chance.choice(["Tổng cộng: 12;;;;;;", ";".join(HEADERS.values()), "TOTAL;12;;;;;"])]


def _foreign(delivery: Delivery, chance: random.Random) -> None:
    starts = (
        b"<html><table>",
        b"%PDF-1.7\n",
        b"PK\x03\x04",
        b"\x89PNG\r\n",
        b"{\\rtf1 ",
        b"SQLite format 3\x00",
        b"\x00" * 64,
    )
    start = chance.choice(starts)
    delivery.tail = lambda data: start + data[:40]


def _other_encoding(delivery: Delivery, chance: random.Random) -> None:
    delivery.encoding = chance.choice(["utf-16", "utf-16-le", "utf-8-sig"])


def _cut(delivery: Delivery, chance: random.Random) -> None:
    """Within the last record: what is cut at a line's end looks like a shorter list."""
    at = chance.randint(2, 12)
    delivery.tail = lambda data: data[:-at] if delivery.texts else data


def _percent_without_sign(delivery: Delivery, chance: random.Random) -> None:
    for row in delivery.texts:
        share = int(row[HEADERS["progress"]].rstrip("%")) / 100
        row[HEADERS["progress"]] = f"{share:g}".replace(".", ",") if delivery.format == "csv" else share


def _look_alike(text: str, chance: random.Random) -> str:
    places = [n for n, sign in enumerate(text) if sign in LOOKS_LIKE]
    at = chance.choice(places)
    return text[:at] + LOOKS_LIKE[text[at]] + text[at + 1 :]


def _exchange_one(text: str, chance: random.Random) -> str:
    """13/08/2025 → 08/13/2025; what fits both ways could not be told from what is meant."""
    return f"{text[3:5]}/{text[:2]}/{text[6:]}" if int(text[:2]) > 12 else text


def _insert_unseen(text: str, chance: random.Random) -> str:
    return text[:2] + chance.choice("\u200b\u00ad\ufeff\u2060\u200e") + text[2:]


def _write_alike(text: str, chance: random.Random) -> str:
    return text.replace("Đ", "\u00d0").replace("o", "\u043e")


def _write_in_utc(text: str, chance: random.Random) -> str:
    """A local midnight as a service of UTC writes it: the evening before."""
    day = date(int(text[6:]), int(text[3:5]), int(text[:2])) - timedelta(days=1)
    return f"{day}T17:00:00{chance.choice(['Z', '.000Z', '+00:00'])}"


def _choose(*texts: str) -> Callable[[str, random.Random], str]:
    """One of these texts, `{}` in it replaced by what stood there."""
    return lambda text, chance: chance.choice(texts).replace("{}", text)


DIRT: dict[str, Spoiler] = {
    "placeholder": _spoil_cell("due_date", _choose(*PLACEHOLDERS)),
    "placeholder of an optional date": _spoil_cell("completed_date", _choose(*PLACEHOLDERS)),
    "word for a date": _spoil_cell(
        "due_date", _choose("infinity", "epoch", "today", "n/a", "#REF!", "chưa rõ")
    ),
    "implausible year": _spoil_cell("due_date", _choose("06/08/3020", "06/08/0225", "06/08/1825")),
    "mistyped year": _spoil_cell("due_date", lambda text, chance: text[:6] + chance.choice(YEARS)),
    "two digits of a year": _spoil_cell("due_date", lambda text, chance: text[:6] + text[8:]),
    "month first": _spoil_cell("due_date", _exchange_one),
    "serial number for a date": _spoil_cell("due_date", _choose("45875", "45875.5", "1754447400")),
    "guarded code": _spoil_cell("task_code", _choose('="{}"', "'{}", " {}\t", "\u00a0{}")),
    "unseen sign": _spoil_cell("task_code", _insert_unseen),
    "look-alike": _spoil_cell("task_code", _look_alike),
    "formula": _spoil_cell("task_code", _choose("=1+1", "1.23E+18", "+NV", "@SUM(A1)")),
    "blank inside a code": _spoil_cell("task_code", lambda text, chance: f"{text[:3]} {text[3:]}"),
    "no code": _spoil_cell("task_code", _choose("", "  ")),
    "word for no code": _spoil_cell("task_code", _choose("NULL", "—", "#N/A", "(null)", "--")),
    "word for no unit": _spoil_cell("unit_code", _choose("NULL", "-", "N/A", "None", "?")),
    "moment of another zone": _spoil_cell("due_date", _write_in_utc),
    "word that only looks right": _spoil_cell("reported_status", _write_alike),
    "word in another case": _spoil_cell("reported_status", lambda text, chance: text.upper()),
    "decomposed words": _spoil_column(
        "reported_status", lambda text, chance: unicodedata.normalize("NFD", text)
    ),
    "text of an old font": _spoil_cell(
        "title", _choose("Rµ so¸t thñ tôc", "Raø soaùt thuû tuïc", "Rà so?t th? t?c", "RÃ  soÃ¡t")
    ),
    "unknown word": _spoil_cell("reported_status", _choose("Treo", "{}?", "1")),
    "per cent beyond": _spoil_cell("progress", _choose("720%", "-5%", "7 2%", "1e2%", "5E1", "#N/A")),
    "per cents without a sign": _percent_without_sign,
    "lost header": _lose_header,
    "misspelt header": _misspell_header,
    "header written otherwise": _write_header_otherwise,
    "repeated row": _repeat_row,
    "repeated key": _repeat_key,
    "exchanged dates": _exchange_dates,
    "header only": _header_only,
    "extra lines": _extra_lines,
    "foreign file": _foreign,
    "other encoding": _other_encoding,
    "cut": _cut,
}
