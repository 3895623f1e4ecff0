"""How much of what people write is found, and how often a text without personal data is taken for one."""

from __future__ import annotations

import time

import duckdb
import pytest

from pipelines.privacy.detectors import redacted_sql, register_detectors
from pipelines.privacy.redaction import redact_code, redact_text
from tests.support.personal_texts import RULES, has_secret, list_harmless, list_personal


def test_ninety_nine_of_a_hundred_variants_leave_nothing_by_which_somebody_is_found() -> None:
    texts = list_personal()
    assert len(texts) >= 500 and len(RULES) >= 50
    missed = [(rule, text) for rule, text in texts if has_secret(redact_text(text))]
    assert len(missed) <= len(texts) / 100, missed[:10]


def test_hardly_a_sentence_without_personal_data_is_changed() -> None:
    texts = list_harmless()
    changed = [(text, redacted) for text in texts if (redacted := redact_text(text)) != text]
    assert len(changed) <= len(texts) / 200, changed[:10]


def test_the_pattern_before_it_lets_by_nothing_that_would_be_found() -> None:
    texts = [text for _, text in list_personal()] + list_harmless(count=500)
    con = register_detectors(duckdb.connect())
    rows = con.execute(f"select t, {redacted_sql('t')} from (select unnest(?) as t)", [texts]).fetchall()
    passed = [text for text, redacted in rows if redacted != redact_text(text)]
    assert passed == []


@pytest.mark.parametrize(
    "text",
    ["9" * 100_000 + "@", "1." * 50_000, "a" * 100_000 + "@", "a@" * 50_000, "0 2 " * 25_000, "(" * 100_000 + "@",
     "CCCD " * 20_000, "H41." * 25_000, "a@" + "a." * 50_000, "1-" * 50_000 + "@", "+84 " * 25_000, "0" * 100_000],
    ids=lambda text: text[:5],
)  # fmt: skip
def test_who_writes_a_text_does_not_decide_how_long_it_is_searched(text: str) -> None:
    began = time.process_time()
    redact_text(text)
    redact_code(text)
    assert time.process_time() - began < 4
