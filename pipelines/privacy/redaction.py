"""Personal data in one text: found however it is written, and replaced. One rule for what is stored and told.

Looked for: telephones, e-mail, numbers of identity cards, passports, insurance, tax (docs/domain.md §8). Not looked
for: names and addresses in free text, numbers written in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.privacy.numbers import Find, find_numbers, is_amount, is_citizen_id, is_phone, is_sum
from pipelines.privacy.skeleton import Skeleton, make_skeleton

REMOVED = "‹personal data removed›"
ROUNDS = 4

# An @ as addresses and web pages write it.
ENCODED_AT = r"%40|&#0{0,4}64;|&#[xX]0{0,4}40;|&commat;"
_AT = rf"(?: {{0,2}}@ {{0,2}}|{ENCODED_AT}| ?[(\[{{<] ?(?:at|a cong|a moc|@) ?[)\]}}>] ?)"
_DOT = r"(?:\.| ?[(\[{<] ?(?:dot|cham|\.) ?[)\]}>] ?)"
_TOP = r"(?:com|vn|net|org|edu|gov|info)\b"
_DOMAIN = rf"[A-Za-z0-9-]+(?:{_DOT}[A-Za-z0-9-]+)*?"
E_MAIL = re.compile(
    # From the first letter of a run only: a long run without an @ would else be read once for each of its letters.
    rf"(?<![A-Za-z0-9._%+'-])[A-Za-z0-9._%+'-]+(?:{_AT}{_DOMAIN}{_DOT}[A-Za-z]{{2,}}"
    rf"|{_AT}{_DOMAIN} ?\. ?{_TOP}"
    rf"| +(?:at|a cong) +{_DOMAIN}(?:\.| +(?:dot|cham) +){_TOP})"
    r"(?:\.[A-Za-z]{2,})*",
    re.I,
)
HAS_AT = re.compile(rf"\bat\b|\ba cong\b|\ba moc\b|{ENCODED_AT}", re.I)

_BETWEEN = r"[ .\-/()]{0,4}"
_JOINED = rf"\d(?:{_BETWEEN}\d)"
# After these words other signs part groups too; in hours they do not stand there.
_PARTED = r"\d(?:(?:[ .\-/()]{0,4}|[ ]?[_,:\n][ \n]?)\d)"
# A word that says whose number follows; between them what people write: "số", ":", "của ông …".
_WORDS: tuple[tuple[str, str, str], ...] = (
    ("citizen id", r"cccd|cmnd|cmtnd|cmt|chung minh|can cuoc|dinh danh|ddcn|giay to tuy than",
     rf"(?:{_PARTED}{{11}}|{_PARTED}{{8}})"),
    ("social insurance", r"bhxh|bhyt|bao hiem|so bhxh", rf"{_PARTED}{{9}}"),
    ("tax code", r"mst|ma so thue|ma thue", rf"{_PARTED}{{9}}(?:[ -]?\d{{3}})?"),
    ("passport", r"ho chieu|passport|\bhc", r"[A-Z]{1,2}[ .-]?\d{6,8}"),
    ("phone", r"dien thoai|\bs?dt|\btel|phone|lien he|zalo|hotline|di dong|may ban|goi", rf"{_JOINED}{{8,10}}"),
)  # fmt: skip
CONTEXTS = tuple(
    (kind, words.replace(r"\b", "").replace("s?dt", "dt").split("|"),
     re.compile(rf"(?i:{words})[^\d\n]{{0,25}}?(?<!\d)(?P<number>{number})(?!\d)"))
    for kind, words, number in _WORDS
)  # fmt: skip
PASSPORT = re.compile(r"[BCKNP](?<![A-Za-z0-9].)\d{7,8}(?![A-Za-z0-9])")
HEALTH_CARD = re.compile(r"(?<![A-Za-z])[A-Z]{2}[ .-]?[1-5](?:[ .-]?\d){12}(?!\d)")

# Numbers that are nobody's, by how they are written. They part what stands around them. Every repetition has an end:
# who writes the text must not decide how long it is searched.
_OWN_WORDS = r"(?!(?i:cccd|cmnd|cmt|cc|s?dt|tel|phone|mst|bhxh|bhyt|hc|so|fax|zalo))"
CODES_AND_DAYS = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32,}"
    # Ids of batches and names of backups begin with their moment, whose twelve digits may look like a citizen's.
    r"|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3])(?:[0-5]\d){2}\d{6}Z"
    r"(?:-[0-9a-f]{8})?(?![0-9A-Za-z])"
    # Days, also with their hour behind them; numbers of statutes: 118/2025/NĐ-CP.
    r"|(?:0?[1-9]|[12]\d|3[01])([/.-])(?:0?[1-9]|1[0-2])\1(?:19|20)\d\d(?: \d{1,2}(?=[:h]))?(?![.\-/]?\d)"
    r"|(?:19|20)\d\d([/.-])(?:0?[1-9]|1[0-2])\2(?:0?[1-9]|[12]\d|3[01])(?:[ T]\d{1,2}(?=[:h]))?(?![.\-/]?\d)"
    r"|\d{1,5}/(?:19|20)\d\d(?:/[A-Za-z][\w-]*)?(?!\d)"
    # Codes of dossiers, procedures and tasks: a letter with digits joined by dots and dashes.
    rf"|(?:\d{{1,8}}[.-]){{0,8}}{_OWN_WORDS}[A-Z]{{1,6}}\d{{0,4}}(?:[._-]\d{{1,8}}){{1,8}}(?!\d)"
    r"|\d{1,8}(?:[.-]\d{1,8}){0,8}[.-][A-Z]{1,3}\d+"
    r")"
)
# Degrees with decimals, amounts in groups of thousands.
AMOUNTS = re.compile(
    r"(?<![0-9A-Za-z+.,])(?:[1-9]\d{0,2}\.\d{4,}(?![.\d])|[1-9]\d{0,2}(?:[.,]\d{3}){1,8}(?!\d|[.,]\d))"
)


def redact_text(text: str) -> str:
    """The text with every find replaced; untouched text is returned as it is."""
    # What was glued to a find may be one of its own once that is gone.
    for _ in range(ROUNDS):
        finds = find_personal_data(text)
        if not finds:
            break
        text = _replace(text, finds)
    return text


def redact_code(text: str) -> str:
    """The same for a code or key: digits in groups count only where they are the whole of it."""
    return _replace(text, find_among_codes(text))


def redact_name(name: str) -> str:
    """A header, a sheet's or a person's own name for something: whole, or not at all."""
    return REMOVED if find_personal_data(name) else name


def find_personal_data(text: str) -> list[tuple[str, int, int]]:
    """(kind, start, end) in the text, in order, none within another."""
    skeleton = make_skeleton(text)
    finds = sorted(_find_all(skeleton), key=lambda find: (find.start, -find.end))
    apart: list[tuple[str, int, int]] = []
    for kind, start, end in ((f.kind, *skeleton.locate(f.start, f.end)) for f in finds):
        if apart and start < apart[-1][2]:
            apart[-1] = (apart[-1][0], apart[-1][1], max(end, apart[-1][2]))
        else:
            apart.append((kind, start, end))
    return apart


def find_among_codes(text: str) -> list[tuple[str, int, int]]:
    """As `find_personal_data`, in a code or key: its digits must have the structure of a number of somebody's."""
    finds = find_personal_data(text)
    return [find for find in finds if find[0] == "e-mail" or _is_somebodys(text, *find[1:])]


def _is_somebodys(text: str, start: int, end: int) -> bool:
    written = make_skeleton(text[start:end]).text
    digits = "".join(filter(str.isdigit, written))
    if not (is_citizen_id(digits) or is_phone(digits, "+" in written)):
        return False
    is_unbroken = digits == written.lstrip("+")
    return is_unbroken or not (any(map(str.isalnum, text[:start])) or any(map(str.isalnum, text[end:])))


def _find_all(skeleton: Skeleton) -> Iterator[Find]:
    text = skeleton.text
    if "@" in text or HAS_AT.search(text):
        for match in E_MAIL.finditer(text):
            yield Find("e-mail", *match.span())
    for kind, pattern in (("passport", PASSPORT), ("health card", HEALTH_CARD)):
        for match in pattern.finditer(text):
            yield Find(kind, *match.span())
    text = CODES_AND_DAYS.sub(_blank, text)
    lower = text.lower()
    for kind, words, pattern in CONTEXTS:
        if any(word in lower for word in words):
            for match in pattern.finditer(text):
                start, end = match.span("number")
                # What a word calls somebody's number counts nothing, whatever follows.
                if not (is_amount if kind == "phone" else is_sum)(skeleton, start, end):
                    digits = sum(map(str.isdigit, match["number"]))
                    yield Find("9-digit id" if digits == 9 and kind == "citizen id" else kind, start, end)
    yield from find_numbers(AMOUNTS.sub(_blank, text), skeleton)


def _blank(match: re.Match[str]) -> str:
    """As many signs as before, none of them a digit or a letter."""
    return "\x00" * len(match[0])


def _replace(text: str, finds: list[tuple[str, int, int]]) -> str:
    for _, start, end in reversed(finds):
        text = f"{text[:start]}{REMOVED}{text[end:]}"
    return text
