"""How much of what people write is found, and how often a text without personal data is taken for one."""

from __future__ import annotations

import duckdb

from pipelines.privacy.detectors import redacted_sql, register_detectors
from pipelines.privacy.redaction import redact_text
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
