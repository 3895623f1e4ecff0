"""Two corpora from rules and a fixed seed: personal data as people write them, and texts that hold none.

No number is anybody's: digits are drawn. What must be found is known from the rule that wrote it, not from the code.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator

PROVINCES = ("001", "038", "040", "042", "079", "091", "096")
MOBILES = ("032", "035", "039", "052", "056", "059", "070", "077", "079", "081", "085", "088", "090", "091",
           "094", "097", "098")  # fmt: skip
# Area code and how many digits follow it (plan of 2017).
LANDLINES = (("024", 8), ("028", 8), ("0238", 7), ("0237", 7), ("0236", 7), ("0225", 7), ("0292", 7))
BEFORE = ("Liên hệ", "Gọi", "Số", "Công dân để lại số", "gặp ông Bình theo số", "sđt:", "Người nộp:", "")
AFTER = ("", " gặp ông Bình", ", đã hẹn lại", ". Kính đề nghị xử lý", " (buổi sáng)", "; cấp ngày 12/03/2021")
LOCALS = ("nguyen.van.binh", "tran_thi.hoa99", "le-minh", "nguyễn.văn.bình", "phạm.thị.hồng", "hoadt")
DOMAINS = ("gmail.com", "yahoo.com.vn", "nghean.gov.vn", "ubnd-xa.vn", "outlook.com")


def list_personal(seed: int = 20251129, per_rule: int = 12) -> list[tuple[str, str]]:
    """(rule, text); what must go is what `has_secret` tells of."""
    draw = random.Random(seed)
    texts = []
    for name, rule in RULES.items():
        for _ in range(per_rule):
            texts.append((name, f"{draw.choice(BEFORE)} {rule(draw)}{draw.choice(AFTER)}".strip()))
    return texts


def list_harmless(seed: int = 20251129, count: int = 4000) -> list[str]:
    """Sentences of notes, answers and causes as offices write them, without anything personal."""
    draw = random.Random(seed)
    return [_write_sentence(draw) for _ in range(count)]


def has_secret(text: str) -> bool:
    """Whether more of a number or an address is left than nobody could be found by: six digits, an at, a name."""
    plain = unicodedata.normalize("NFKC", text).replace("12/03/2021", "")
    digits = "".join(sign for sign in plain if sign.isdigit())
    return len(digits) >= 6 or "@" in plain or any(local[:4] in plain for local in LOCALS)


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choice("0123456789") for _ in range(count - 1)) + draw.choice("123456789")


def _citizen(draw: random.Random) -> str:
    is_young = draw.random() < 0.3
    born = (
        f"{draw.choice('23')}0{draw.randint(1, 9)}"
        if is_young
        else f"{draw.choice('01')}{draw.randint(40, 99)}"
    )
    return draw.choice(PROVINCES) + born + _digits(draw, 6)


def _old_card(draw: random.Random) -> str:
    return f"{draw.randint(10, 38)}{_digits(draw, 7)}"


def _mobile(draw: random.Random) -> str:
    return draw.choice(MOBILES) + _digits(draw, 7)


def _landline(draw: random.Random) -> tuple[str, str]:
    area, count = draw.choice(LANDLINES)
    return area, draw.choice("23456") + _digits(draw, count - 1)


def _group(number: str, sizes: tuple[int, ...], sign: str) -> str:
    parts, start = [], 0
    for size in sizes:
        parts.append(number[start : start + size])
        start += size
    return sign.join(part for part in [*parts, number[start:]] if part)


def _wide(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def _sprinkle(draw: random.Random, text: str, sign: str) -> str:
    place = draw.randrange(2, len(text) - 1)
    return text[:place] + sign + text[place:]


def _joined(
    make: Callable[[random.Random], str], sizes: tuple[int, ...], sign: str
) -> Callable[[random.Random], str]:
    return lambda draw: _group(make(draw), sizes, sign)


def _after(words: str, make: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    return lambda draw: draw.choice(words.split("|")) + make(draw)


def _e_mail(at: str, dot: str = ".") -> Callable[[random.Random], str]:
    return lambda draw: f"{draw.choice(LOCALS)}{at}{draw.choice(DOMAINS).replace('.', dot)}"


def _list_rules() -> Iterator[tuple[str, Callable[[random.Random], str]]]:
    yield "mobile", _mobile
    yield "citizen id", _citizen
    yield "old card", _old_card
    for sign in (" ", ".", "-", "\u00a0", " - ", "–", "\u2009"):
        yield f"mobile 4 3 3 by {sign!r}", _joined(_mobile, (4, 3), sign)
        yield f"citizen id by threes and {sign!r}", _joined(_citizen, (3, 3, 3), sign)
    yield "mobile 3 3 4", _joined(_mobile, (3, 3), " ")
    yield "mobile 2 4 4", _joined(_mobile, (2, 4), " ")
    yield "mobile 4 6", _joined(_mobile, (4,), ".")
    yield "mobile by pairs", _joined(_mobile, (2, 2, 2, 2), ".")
    yield "mobile by slashes", _joined(_mobile, (4, 3), "/")
    yield "mobile digit by digit", lambda draw: " ".join(_mobile(draw))
    yield "mobile in brackets", lambda draw: "({}) {} {}".format(*_group(_mobile(draw), (3, 3), " ").split())
    yield "mobile from abroad", lambda draw: f"+84{_mobile(draw)[1:]}"
    yield "mobile from abroad in groups", lambda draw: "+84 " + _group(_mobile(draw)[1:], (3, 3), " ")
    yield "mobile from abroad with (0)", lambda draw: f"84{_mobile(draw)[1:]}"
    yield "mobile with 0084", lambda draw: f"0084{_mobile(draw)[1:]}"
    yield "mobile glued", _after("sđt|SĐT|ĐT|đt|số|tel", _mobile)
    yield "mobile glued behind", lambda draw: f"{_mobile(draw)}gặp"
    yield "mobile wide", lambda draw: _wide(_mobile(draw))
    yield "mobile wide in groups", lambda draw: _wide(_group(_mobile(draw), (4, 3), "."))
    for sign in ("\u200b", "\u00ad", "\u2060", "\ufeff"):
        yield f"mobile with {sign!r}", lambda draw, sign=sign: _sprinkle(draw, _mobile(draw), sign)  # type: ignore[misc]
        yield f"citizen id with {sign!r}", lambda draw, sign=sign: _sprinkle(draw, _citizen(draw), sign)  # type: ignore[misc]
    yield "mobile with a letter O", lambda draw: f"O{_mobile(draw)[1:]}"
    yield "landline", lambda draw: "".join(_landline(draw))
    yield "landline in brackets", lambda draw: "({}) {}".format(*_landline(draw))
    yield "landline with a dot", lambda draw: ".".join(_landline(draw))
    yield "landline from abroad", lambda draw: "+84" + "".join(_landline(draw))[1:]
    yield "citizen id glued", _after("CCCD|cccd|CCCD số |căn cước|so|số", _citizen)
    yield "citizen id glued behind", lambda draw: f"{_citizen(draw)}cấp"
    yield "citizen id by fours", _joined(_citizen, (4, 4), " ")
    yield "citizen id wide", lambda draw: _wide(_citizen(draw))
    yield "old card after its word", _after("CMND |CMND: |CMT số |chứng minh nhân dân |CMND", _old_card)
    yield "old card in groups", _after("CMND |CMND số ", _joined(_old_card, (3, 3), " "))
    yield "old card with dots", _after("CMND |số CMND: ", _joined(_old_card, (3, 3), "."))
    yield "passport", lambda draw: f"{draw.choice('BCNP')}{_digits(draw, 7)}"
    yield "new passport", lambda draw: f"hộ chiếu số {draw.choice('CPK')}{_digits(draw, 8)}"
    yield "insurance", _after("BHXH |mã số BHXH: |sổ bảo hiểm xã hội số ", lambda draw: _digits(draw, 10))
    yield "health card", lambda draw: f"BHYT {draw.choice(('GD', 'DN', 'HC'))}4{_digits(draw, 12)}"
    yield "tax code", _after("MST |MST: |mã số thuế cá nhân ", lambda draw: f"8{_digits(draw, 9)}")
    yield "e-mail", _e_mail("@")
    yield "e-mail wide", _e_mail("＠")
    yield "e-mail small at", _e_mail("﹫")
    for at in ("(at)", "[at]", " (at) ", " [a còng] ", " @ "):
        yield f"e-mail {at!r}", _e_mail(at)
    yield "e-mail at and dot", _e_mail("(at)", "(dot)")
    yield "e-mail with a hidden sign", lambda draw: _sprinkle(draw, _e_mail("@")(draw), "\u200b")
    yield "e-mail decomposed", lambda draw: unicodedata.normalize("NFD", _e_mail("@")(draw))
    yield from _list_unusual_rules()


def _list_unusual_rules() -> Iterator[tuple[str, Callable[[random.Random], str]]]:
    """As a reader who looked for what the rules miss wrote them."""
    for sign in ("_", ",", ":", "\n"):
        yield f"mobile by pairs odd {sign!r}", _joined(_mobile, (2, 2, 2, 2), sign)
    for sign in ("_", ",", ":", ", ", " : ", " -- ", "--", "\n", "\r\n"):
        yield f"mobile 4 3 3 odd {sign!r}", _joined(_mobile, (4, 3), sign)
        yield f"mobile 3 3 4 odd {sign!r}", _joined(_mobile, (3, 3), sign)
        yield f"citizen id odd {sign!r}", _joined(_citizen, (3, 3, 3), sign)
        yield f"old card odd {sign!r}", _after("CMND |CMND số ", _joined(_old_card, (3, 3), sign))
    for at in ("%40", "&#64;", "&#x40;", "&#064;", "&commat;"):
        yield f"e-mail {at!r}", _e_mail(at)
    yield "mobile keycaps", lambda draw: "".join(f"{sign}\ufe0f\u20e3" for sign in _mobile(draw))
    yield "mobile superscript", lambda draw: _mobile(draw).translate(SUPERSCRIPT)
    yield "mobile circled", lambda draw: _mobile(draw).translate(CIRCLED)
    for behind in (
        " Hà Văn Nam",
        " Ha Van Nam",
        " đ/c An",
        " đ.c An",
        " Tý",
        " Tỷ",
        " Đồng Thị Hoa",
        " đồng chí An",
        " ty",
    ):
        yield f"old card before {behind}", lambda draw, behind=behind: f"CMND {_old_card(draw)}{behind}"  # type: ignore[misc]
        yield f"tax code before {behind}", lambda draw, behind=behind: f"MST 29{_digits(draw, 8)}{behind}"  # type: ignore[misc]
        if behind != " ty":
            yield f"bare card before {behind}", lambda draw, behind=behind: f"so {_old_card(draw)}{behind}"  # type: ignore[misc]
    yield "old card with five zeros", lambda draw: f"CMND {draw.randint(1000, 3899)}00000"
    yield (
        "insurance after gia",
        _after("tham gia BHXH |Gia hạn BHXH |giá trị sổ BHXH ", lambda draw: f"79{_digits(draw, 8)}"),
    )
    yield (
        "card after a word like a sum",
        _after(
            "Gia đình CMND |bà Phi |Gia đình |bà Phí |Vốn Thị Lan |phi công |tổng số căn cước công dân ",
            _old_card,
        ),
    )


SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
CIRCLED = str.maketrans("0123456789", "⓪❶❷❸❹❺❻❼❽❾")
RULES = dict(_list_rules())

_OPENINGS = ("Hồ sơ {code} quá hạn", "Đã trả kết quả hồ sơ {code}", "Nhiệm vụ {task} chưa hoàn thành",
             "UBND xã đề nghị bổ sung kinh phí {money}", "Thực hiện {law}", "Họp lúc {moment}",
             "Vị trí thửa đất {place}", "Thủ tục {procedure} vướng mắc", "Báo cáo số {letter}",
             "Tổng số {count} hồ sơ, trong đó {count} đúng hạn", "Máy chủ {address} không phản hồi",
             "Thửa đất số {small}, tờ bản đồ số {small}, diện tích {area} m2")  # fmt: skip
_REASONS = ("do chờ ý kiến của sở theo {law}", "từ {moment}", "vì chưa bố trí được {money}", "ở thôn {hamlets}",
            "kèm hồ sơ {code}", "đã thu BHXH {sum}", "thuế theo MST {sum}", "ghi số lúc {hours}",
            "gồm {sum} vốn huy động", "phí {amount} triển khai", "giá trị {amount} đồng Việt Nam",
            "theo nhiệm vụ {task}", "đạt {share} %", "trước {day}", "tọa độ {place}",
            "so với {day} tăng {share} %", "theo phiếu hẹn {code} ngày {day}", "lệ phí {money}")  # fmt: skip


def _write_sentence(draw: random.Random) -> str:
    words = f"{draw.choice(_OPENINGS)} {draw.choice(_REASONS)}, {draw.choice(_REASONS)}."
    while "{" in words:
        name = words[words.index("{") + 1 : words.index("}")]
        words = words.replace("{" + name + "}", _FILLERS[name](draw), 1)
    return words


def _day(draw: random.Random) -> str:
    year, month, day = draw.randint(2015, 2026), draw.randint(1, 12), draw.randint(1, 28)
    return draw.choice((f"{day:02d}/{month:02d}/{year}", f"{day}/{month}/{year}", f"{year}-{month:02d}-{day:02d}",
                        f"{day:02d}-{month:02d}-{year}", f"{day:02d}.{month:02d}.{year}"))  # fmt: skip


def _code(draw: random.Random) -> str:
    day = f"{draw.randint(24, 26)}{draw.randint(1, 12):02d}{draw.randint(1, 28):02d}"
    return draw.choice((
        f"H41.{draw.randint(1, 130)}-{day}-{draw.randint(1, 9999):04d}",
        f"H41.{draw.randint(1, 130):03d}-20{day}-{draw.randint(1, 999999):07d}",
        f"000.{draw.randint(0, 99):02d}.{draw.randint(0, 99):02d}.H41-{day}-{draw.randint(1, 9999):04d}",
        f"H41.{draw.randint(1, 60):02d}.05.{draw.randint(1, 30):02d}-{day}-{draw.randint(1, 9999):04d}",
        f"G09.{draw.randint(1, 60)}-20{day}-{draw.randint(1, 999999):07d}",
    ))  # fmt: skip


def _money(draw: random.Random) -> str:
    amount = draw.randint(1, 9_999_999) * 1000
    return draw.choice((f"{amount:,}".replace(",", ".") + " đồng", f"{amount} đồng", f"{amount:,} VND",
                        f"{draw.randint(1, 900)},{draw.randint(1, 9)} tỷ đồng", f"{amount:,}đ"))  # fmt: skip


def _place(draw: random.Random) -> str:
    north, east = draw.uniform(18.4, 19.9), draw.uniform(103.9, 105.8)
    return draw.choice((f"{north:.6f}, {east:.6f}", f"{north:.6f} {east:.6f}", f"({north:.7f}; {east:.7f})",
                        f"X={draw.uniform(2e6, 2.2e6):.3f} Y={draw.uniform(5e5, 6e5):.3f}"))  # fmt: skip


_FILLERS: dict[str, Callable[[random.Random], str]] = {
    "code": _code,
    "task": lambda d: d.choice((f"NV-{d.randint(2024, 2026)}-{d.randint(1, 9999):04d}", f"NV{d.randint(1, 999)}",
                                f"{d.randint(1, 99)}.{d.randint(1, 99)}.{d.randint(1, 99)}",
                                f"VM-{d.randint(1, 9999)}")),
    "money": _money,
    "law": lambda d: d.choice((f"Nghị định {d.randint(1, 180)}/{d.randint(2010, 2026)}/NĐ-CP",
                               f"Luật số {d.randint(1, 99)}/{d.randint(2010, 2026)}/QH15 ngày {_day(d)}",
                               f"Quyết định {d.randint(1, 4999):02d}/QĐ-UBND ngày {_day(d)}",
                               f"Quyết định số {d.randint(1, 4999):02d}/{d.randint(2010, 2026)}/QĐ-TTg")),
    "sum": lambda d: f"{d.randint(1000, 9_999_999) * 1000:,}".replace(",", ".") + d.choice((" đồng", " đ", " VND")),
    "amount": lambda d: str(d.randint(100_000_000, 999_999_999)),
    "hours": lambda d: ", ".join(f"{d.randint(7, 16):02d}:{d.randint(0, 59):02d}" for _ in range(d.randint(1, 4))),
    "moment": lambda d: f"{_day(d)} {d.randint(0, 23):02d}:{d.randint(0, 59):02d}",
    "day": _day,
    "place": _place,
    "procedure": lambda d: d.choice((f"{d.randint(1, 3)}.{d.randint(0, 13999):06d}",
                                     f"1.{d.randint(0, 13999):06d}.000.00.00.H41")),
    "letter": lambda d: f"{d.randint(1, 4999)}/BC-UBND ngày {_day(d)}",
    "count": lambda d: f"{d.randint(1, 399_999):,}".replace(",", "."),
    "small": lambda d: str(d.randint(1, 999)),
    "area": lambda d: f"{d.randint(50, 9999)},{d.randint(0, 9)}",
    "address": lambda d: f"10.{d.randint(0, 255)}.{d.randint(0, 255)}.{d.randint(1, 254)}:{d.randint(1000, 9999)}",
    "hamlets": lambda d: ", ".join(str(d.randint(1, 20)) for _ in range(4)),
    "share": lambda d: f"{d.randint(0, 99)},{d.randint(0, 99):02d}",
}  # fmt: skip
