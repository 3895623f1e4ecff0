"""The headline in words: of one language with its own numbers, or of both."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from pipelines.exports.headline import Headline, TaskBuckets, list_figures

ANCHOR = Headline(
    release_id=1, release_hash="0" * 64, as_of=datetime(2025, 8, 6, 23, 59, 59), cutoff_at=datetime(2025, 8, 6, 16),
    received=310_903, online=224_930, rate=224_930 / 310_903, national_rank=20, province_count=34, rank_movement=5,
    tasks=TaskBuckets(23, 14, 9, 0), open_issues=1466, rejected_rows=505,
)  # fmt: skip
NEW_PLACE = replace(
    ANCHOR, cutoff_at=None, received=0, online=0, rate=None, national_rank=None, tasks=None, open_issues=None
)


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("vi", ["72,35 % (224.930 / 310.903)", "16:00 ngày 06/08/2025", "20 trên 34 (tăng 5 bậc)",
                "23 = 14 hoàn thành + 9 trong hạn + 0 quá hạn", "1.466", "505"]),
        ("en", ["72.35% (224,930 / 310,903)", "16:00, 06 Aug 2025", "20 of 34 (up 5)",
                "23 = 14 completed + 9 in term + 0 overdue", "1,466", "505"]),
        (None, ["72.35 % (224 930 / 310 903)", "2025-08-06 16:00:00", "20 of 34 (up 5)",
                "23 = 14 completed + 9 in term + 0 overdue", "1 466", "505"]),
    ],
)  # fmt: skip
def test_numbers_are_written_as_the_language_writes_them(language: str | None, texts: list[str]) -> None:
    assert [value for _, value in list_figures(ANCHOR, language)] == texts


def test_what_a_place_does_not_have_is_told_in_its_language() -> None:
    assert dict(list_figures(NEW_PLACE, "vi")) == {
        "Tỷ lệ nộp trực tuyến": "chưa tiếp nhận hồ sơ nào (0 / 0)",
        "Mốc báo cáo": "chưa có; tính đến hết ngày 06/08/2025",
        "Xếp hạng": "chưa được xếp hạng",
        "Nhiệm vụ cấp tỉnh": "không có sổ theo dõi nhiệm vụ",
        "Vướng mắc đang mở": "không có sổ vướng mắc",
        "Dòng bị loại": "505",
    }
    without_log = replace(NEW_PLACE, received=None, online=None)
    assert list_figures(without_log)[0] == ("Tỷ lệ nộp trực tuyến · online submission rate", "no dossier log")
