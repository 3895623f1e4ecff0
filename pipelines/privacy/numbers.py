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
SEQUENCE = re.compile(r"(?:\+ ?)?\d+(?:[ .\-()/]{1,3}\d+)*")
GROUP = re.compile(r"\d+")
MOST_GROUPS = 12
LONGEST = 15
# After or before an amount; "đồng chí" (comrade) is none.
AMOUNT_AFTER = re.compile(
    r" ?(?:d\b|dong\b(?! chi)|vnd\b|trieu\b|ty\b|ti\b|usd\b|eur\b|₫|m2\b|ha\b|kwh?\b)", re.I
)
AMOUNT_BEFORE = re.compile(
    r"(?:so tien|kinh phi|gia tri|von|tong muc|doanh thu|tong (?:thu|chi|so)|du toan|le phi|phi|gia)[^\d\n]{0,12}$",
    re.I,
)


class Find(NamedTuple):
    """Personal data in a skeleton: which kind, and from where to where."""

    kind: str
    start: int
    end: int


class _Group(NamedTuple):
    start: int
    end: int
    digits: str


def find_numbers(text: str) -> Iterator[Find]:
    """Numbers that are personal whatever is written around them; digits in groups are read as one number."""
    for sequence in SEQUENCE.finditer(text):
        groups = [_Group(m.start(), m.end(), m[0]) for m in GROUP.finditer(text, *sequence.span())]
        first = 0
        while first < len(groups):
            find, last = _read_longest(text, groups, first)
            if find is not None:
                yield find
            first = last + 1


def _read_longest(text: str, groups: list[_Group], first: int) -> tuple[Find | None, int]:
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
            kind = _classify_run(text, groups[first], is_foreign)
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


def _classify_run(text: str, run: _Group, is_foreign: bool) -> str:
    """The kind of one unbroken run of digits; empty where it is nobody's."""
    digits, glued = run.digits, text[max(0, run.start - 1) : run.start].isalpha()
    if is_phone(digits, is_foreign):
        return "phone"
    if len(digits) == 12:
        if glued or MOMENT.fullmatch(digits):
            return "citizen id" if is_citizen_id(digits) else ""
        return "" if is_amount(text, run.start, run.end) else "citizen id"
    if len(digits) == 9 and not glued:
        return "" if is_amount(text, run.start, run.end) else "9-digit id"
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


def is_amount(text: str, start: int, end: int) -> bool:
    """Whether what stands there counts something: five zeros at its end, a unit behind it, a sum before it."""
    if text[start] == "0":
        return False
    return (
        re.sub(r"\D", "", text[start:end]).endswith("00000")
        or AMOUNT_AFTER.match(text, end) is not None
        or AMOUNT_BEFORE.search(text[max(0, start - 30) : start]) is not None
    )
