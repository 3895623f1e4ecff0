"""Which digits are somebody's: telephones, and the numbers of identity cards, passports, insurance and tax.

Structures: twelve digits are the code of a province (001 to 096, annex 1 of circular 07/2016/TT-BCA), a digit of
century and sex, the year of birth, six more (decree 137/2015/NĐ-CP, article 13; law on identification 2023,
article 12). Telephones: the plan of numbers as `phonenumbers` keeps it, and mobiles as docs/domain.md §8 has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from pipelines.privacy.skeleton import Skeleton

REGISTRATION_CODES = frozenset(
    f"{code:03d}"
    for code in (1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33, 34, 35, 36, 37, 38,
                 40, 42, 44, 45, 46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74, 75, 77, 79,
                 80, 82, 83, 84, 86, 87, 89, 91, 92, 93, 94, 95, 96)
)  # fmt: skip
MOBILE = re.compile(r"(?:84|0)[35789]\d{8}")
# Mobiles of eleven digits, as they were until 2018.
OLD_MOBILE = re.compile(r"01[2689]\d{8}")
MOMENT = re.compile(r"20[0-4]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d")
# Groups of digits and what people put between them.
SEQUENCE = re.compile(r"(?:\+ ?)?\d+(?:[ .\-()/]{1,4}\d+)*")
# What also stands in hours, lists and codes parts a number's groups only where these have its sizes.
ODD_SIGN = r"[ \t]?[_,:\r\n][ \t\n]?"
ODD_GROUPS = (
    rf"(?:[0-9]{{3}}{ODD_SIGN}){{3}}[0-9]{{3}}|(?:[0-9]{{4}}{ODD_SIGN}){{2}}[0-9]{{4}}"
    rf"|84{ODD_SIGN}[0-9]{{2,3}}{ODD_SIGN}[0-9]{{3}}{ODD_SIGN}[0-9]{{3,4}}"
    rf"|[0-9]{{3,4}}{ODD_SIGN}[0-9]{{3}}{ODD_SIGN}[0-9]{{3,4}}"
    r"|(?:[0-9]{2}_){4}[0-9]{2}|(?:[0-9]{2},){4}[0-9]{2}|(?:[0-9]{2}:){4}[0-9]{2}|(?:[0-9]{2}\n){4}[0-9]{2}"
)
ODD_SEQUENCE = re.compile(rf"(?<![\d.])(?:{ODD_GROUPS})(?!\d)")
GROUP = re.compile(r"\d+")
MOST_GROUPS = 12
LONGEST = 15
# After or before an amount, in words with their accents: Hà is no hectare, Tý no billion, Gia đình no price.
UNIT = re.compile(
    r" ?(?:[đ₫]|vnđ|vnd|VNĐ|VND|usd|USD|eur|EUR|(?:đồng|dong|ĐỒNG)(?! (?:chí|chi|thời|nghiệp|bào|hương|ý)\b)"
    r"|triệu|trieu|tỷ|tỉ|ty|m2|ha|kwh?|kWh?|KWH)(?!\w)(?! ?[/.] ?c\b)"
)
# A name follows: then the word before it was none of the above, but for the country's.
NAME = re.compile(r" (?!Việt Nam|VN\b)(?P<letter>\w)")
AMOUNT_BEFORE = re.compile(
    r"(?<!\w)(?<!ông )(?<!bà )(?<!anh )(?<!chị )(?:số tiền|so tien|kinh phí|kinh phi|giá trị|gia tri|vốn|tổng mức"
    r"|tong muc|doanh thu|tổng (?:thu|chi|số)|tong (?:thu|chi|so)|dự toán|du toan|lệ phí|le phi|phí|giá)(?!\w)"
    r"(?P<between>[^\d\n]{0,12})$",
    re.I,
)
THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:[.,]\d{3})+")


class Find(NamedTuple):
    """Personal data in a skeleton: which kind, and from where to where."""

    kind: str
    start: int
    end: int


class _Group(NamedTuple):
    start: int
    end: int
    digits: str


def find_numbers(text: str, skeleton: Skeleton) -> Iterator[Find]:
    """Numbers that are personal whatever is written around them; digits in groups are read as one number.

    `text`: the skeleton's, with what is nobody's blanked.
    """
    for match in ODD_SEQUENCE.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if is_phone(digits) or is_citizen_id(digits):
            yield Find("phone" if is_phone(digits) else "citizen id", *match.span())
    for sequence in SEQUENCE.finditer(text):
        groups = [_Group(m.start(), m.end(), m[0]) for m in GROUP.finditer(text, *sequence.span())]
        first = 0
        while first < len(groups):
            find, last = _read_longest(text, skeleton, groups, first)
            if find is not None:
                yield find
            first = last + 1


def _read_longest(text: str, skeleton: Skeleton, groups: list[_Group], first: int) -> tuple[Find | None, int]:
    """The number of most digits that begins with this group, and the last group that was looked at for good."""
    best: tuple[Find | None, int] = None, first
    digits = ""
    for last in range(first, min(len(groups), first + MOST_GROUPS)):
        digits += groups[last].digits
        if len(digits) > LONGEST:
            break
        start = groups[first].start
        is_foreign = text[max(0, start - 2) : start].rstrip(" ").endswith("+")
        if first == last:
            kind = _classify_run(text, skeleton, groups[first], is_foreign)
        else:
            kind = _classify_groups(digits, [len(g.digits) for g in groups[first : last + 1]], is_foreign)
            # H41.12-250805-0012: a code, whose groups are no telephone.
            if kind and text[max(0, start - 1) : start].isalpha():
                kind = ""
        if kind:
            while start and text[start - 1] in "+(":
                start -= 1
            best = Find(kind, start, groups[last].end), last
    return best


def _classify_run(text: str, skeleton: Skeleton, run: _Group, is_foreign: bool) -> str:
    """The kind of one unbroken run of digits; empty where it is nobody's."""
    digits, glued = run.digits, text[max(0, run.start - 1) : run.start].isalpha()
    if is_phone(digits, is_foreign):
        return "phone"
    if len(digits) == 12:
        if glued or MOMENT.fullmatch(digits):
            return "citizen id" if is_citizen_id(digits) else ""
        return "" if is_amount(skeleton, run.start, run.end) else "citizen id"
    if len(digits) == 9 and not glued:
        return "" if is_amount(skeleton, run.start, run.end) else "9-digit id"
    return ""


def _classify_groups(digits: str, sizes: list[int], is_foreign: bool) -> str:
    """The kind of a number written in groups: only what its structure makes likely."""
    if max(sizes) > 8:
        return ""
    if is_citizen_id(digits) and not is_foreign:
        return "citizen id"
    # A lone digit at the end is another number, unless all of them stand apart.
    if sizes[-1] == 1 and max(sizes) > 1:
        return ""
    return "phone" if is_phone(digits, is_foreign) else ""


def is_citizen_id(digits: str) -> bool:
    """Twelve digits with the structure of a citizen's number; the century is the 20th or 21st."""
    return len(digits) == 12 and digits[:3] in REGISTRATION_CODES and digits[3] in "0123"


def is_phone(digits: str, is_foreign: bool = False) -> bool:
    """Vietnamese with 0, 84 or 0084 before it, or of any country after a `+` (`is_foreign`)."""
    number = digits.removeprefix("00") if digits.startswith("0084") else digits
    if MOBILE.fullmatch(number) or OLD_MOBILE.fullmatch(number):
        return True
    abroad = is_foreign or digits.startswith("0084")
    if not 9 <= len(number) <= LONGEST or not (abroad or number[0] == "0" or number.startswith("84")):
        return False
    # No plan has a second zero.
    return number[:2] != "00" and _is_valid(number, abroad)


@lru_cache(maxsize=1024)
def _is_valid(number: str, is_foreign: bool) -> bool:
    # Imported where it is needed: its tables take a twentieth of a second.
    import phonenumbers

    if not is_foreign and number[0] != "0":
        # A landline written 84238…; other runs that begin with 84 are no telephones.
        is_foreign = len(number) in (11, 12) and number[2] == "2"
        if not is_foreign:
            return False
    try:
        parsed = phonenumbers.parse(f"+{number}" if is_foreign else number, "VN")
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_valid_number(parsed))


def is_amount(skeleton: Skeleton, start: int, end: int) -> bool:
    """Whether what stands there counts something: five zeros at its end, a unit behind it, a sum before it."""
    if skeleton.text[start] == "0":
        return False
    if re.sub(r"\D", "", skeleton.text[start:end]).endswith("00000") or has_unit(skeleton, end):
        return True
    before = AMOUNT_BEFORE.search(skeleton.read_written(start - 30, start))
    return before is not None and not any(map(str.isupper, before["between"]))


def is_sum(skeleton: Skeleton, start: int, end: int) -> bool:
    """Whether it is an amount even after "BHXH" or "MST": in thousands, and with a unit behind it."""
    return bool(THOUSANDS.fullmatch(skeleton.text, start, end)) and has_unit(skeleton, end)


def has_unit(skeleton: Skeleton, end: int) -> bool:
    """Whether a unit follows, and not a name or "đ/c" (comrade)."""
    after = skeleton.read_written(end, end + 24)
    unit = UNIT.match(after)
    name = NAME.match(after, unit.end()) if unit else None
    return unit is not None and not (name and name["letter"].isupper())
