"""Codes that changed on their way: what is folded by rule, and what is no code any more (docs/onboarding.md).

Folded: a spreadsheet's guards, characters that nobody sees, full-width signs, dashes. Everything else that only
looks like another sign makes the row's code unusable: it is named, never guessed at.
"""

from __future__ import annotations

from pipelines import duck
from pipelines.privacy.detectors import REMOVED
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.contracts.source import KEY_SHAPE
from pipelines.sources.values.characters import FUNCTION

QUOTES = '"“”„″'
APOSTROPHES = "'’‘ʼ"
# A constant formula has one meaning; an apostrophe before a cell tells a spreadsheet that it is text.
FORMULA = rf"^=\s*[{QUOTES}](.*)[{QUOTES}]$"
APOSTROPHE = rf"^[{APOSTROPHES}](.*?)[{APOSTROPHES}]?$"
INVISIBLE = (
    r"[\p{Cf}\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180D}\x{180F}\x{2800}\x{3164}"
    r"\x{FE00}-\x{FE0F}\x{FFA0}]"
)
FULL_WIDTH = "".join(map(chr, range(0xFF01, 0xFF5F)))
DASHES = "‐‑‒–—―−﹘﹣"
SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
FOLDED_FROM = FULL_WIDTH + DASHES + SPACES
FOLDED_TO = "".join(map(chr, range(0x21, 0x7F))) + "-" * len(DASHES) + " " * len(SPACES)
# Quotes, control characters and what stands for them, a formula, a sentence's end, what a spreadsheet shows of a
# long number (1.23E+18), letters and marks of a web page (NV&#45;1, <b>NV-1</b>): no code.
NO_CODE = (
    r'^[=+@]|["“”\x00-\x1f\x7f\x{FFFD}]|[.,;:]$|^[+-]?\d([.,]\d+)?[eE]\+\d+$|^\d{4,}[.,]0$'
    r"|&(#\d+|#[xX][0-9a-fA-F]+|[A-Za-z]\w*);|</?[A-Za-z][^<>]*>"
)
# What became of a code that a program held as a number (4.0, its zeros gone) or a spreadsheet as a date (3-25 as
# Mar-25 or 01/03/2025): no code either, unless the column's own `shape` allows it.
MONTH = r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|[Tt]hg ?\d{1,2})"
NO_CODE_UNSHAPED = (
    r"^\d+[.,]0+$|^\d{1,2}/\d{1,2}/\d{4}$|^\d{4}-\d{2}-\d{2}( 00:00:00)?$"
    rf"|^\d{{1,2}}-{MONTH}(-\d{{2,4}})?$|^{MONTH}-\d{{2,4}}$"
)
# Most codes: digits, digits with a point and not only zeros after it (1.012790), or a capital letter, a digit and more
# of both (H41.16-250701-0000001, G15-TP01). Nothing is to be cleaned in them, and none of the above is one.
PLAIN = r"\d+|\d+\.\d*[1-9]\d*|[A-Z]\d[A-Z0-9.\-]*[A-Z0-9]"
BLANK = r"\s"
# What databases, spreadsheets and people write where there is no code, dashes folded. `NA` may be one.
NOTHING = (
    "NULL", "null", "Null", "(null)", "(NULL)", "\\N", "N/A", "n/a", "#N/A", "None", "NaN", "nan", "undefined",
    "(blank)", "-", "--", "---", "?",
)  # fmt: skip


def unwrap_sql(text: str, *, apostrophe: bool) -> str:
    """SQL of a text without a spreadsheet's guard: `="00123"`, and `'00123` where `apostrophe`."""
    unwrapped = f"regexp_replace({text}, {duck.literal(FORMULA)}, '\\1')"
    if apostrophe:
        unwrapped = f"regexp_replace({unwrapped}, {duck.literal(APOSTROPHE)}, '\\1')"
    first = f"left({text}, 1)"
    guards = "'='" + (", " + ", ".join(duck.literal(sign) for sign in APOSTROPHES) if apostrophe else "")
    return f"case when {first} in ({guards}) then trim({unwrapped}) else {text} end"


def fold_code_sql(text: str) -> str:
    """SQL of a code with what nobody sees removed, full-width signs and dashes as plain ones, unwrapped."""
    plain = (
        f"trim(translate(regexp_replace(_code, {duck.literal(INVISIBLE)}, '', 'g'), "
        f"{duck.literal(FOLDED_FROM)}, {duck.literal(FOLDED_TO)}))"
    )
    # A lambda binds the text once: written out, every nesting would repeat the whole expression.
    folded = f"list_transform([{text}], lambda _code: {plain})[1]"
    unwrapped = unwrap_sql("_code", apostrophe=True)
    return f"list_transform([{folded}], lambda _code: {unwrapped})[1]"


def drop_nothing_sql(text: str) -> str:
    """SQL of a folded code, NULL where it is a word for none."""
    words = ", ".join(map(duck.literal, NOTHING))
    # In a lambda, as above: `nullif` writes its text out twice.
    return f"list_transform([{text}], lambda _code: case when _code in ({words}) then null else _code end)[1]"


def is_plain_sql(source: Source, column: Column, raw: str) -> str:
    """SQL: whether a landed text needs neither cleaning nor a closer look; most codes are told by one pattern.

    Where it holds, `clean_text_sql` leaves the text as it is and `misshapen_sql` is false.
    """
    shape = source.find_shape(column)
    fits = f" and regexp_full_match({raw}, {duck.literal(shape)})" if shape not in (None, KEY_SHAPE) else ""
    return f"(regexp_full_match({raw}, {duck.literal(PLAIN)}){fits})"


def misshapen_sql(source: Source, column: Column, text: str) -> str:
    """SQL: whether this folded text is no code: by its column's `shape`, by signs that only look like others."""
    shape = source.find_shape(column)
    no_code = NO_CODE if column.shape else f"{NO_CODE}|{NO_CODE_UNSHAPED}"
    faults = [f"regexp_matches({text}, {duck.literal(no_code)})"]
    if shape:
        faults.append(f"not regexp_full_match({text}, {duck.literal(shape)})")
    faults.append(
        f"case when strlen({text}) <> length({text}) then {FUNCTION}({text}) is not null else false end"
    )
    # What personal data left behind has its own rule.
    return f"({' or '.join(faults)}) and not contains({text}, {duck.literal(REMOVED)})"
