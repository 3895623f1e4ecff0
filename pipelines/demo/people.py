"""Invented people: names, numbers, addresses. They exist so that dropping them is tested for real.

The same dossier has the same applicant in every state. Names are dictionary-encoded, so that a
million rows of them cost what their numbers cost.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa

FAMILY = [
    "Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương",
    "Cao", "Võ",
]  # fmt: skip
MIDDLE = [
    "Văn", "Thị", "Hữu", "Đức", "Minh", "Thanh", "Quang", "Ngọc", "Xuân", "Thu", "Hồng", "Bá", "Đình",
    "Khánh",
]  # fmt: skip
FIRST_NAMES = [
    "An", "Bình", "Cường", "Dũng", "Giang", "Hà", "Hải", "Hạnh", "Hiếu", "Hoa", "Hùng", "Hương", "Lan",
    "Linh", "Long", "Mai", "Nam", "Nga", "Phong", "Quân", "Sơn", "Tâm", "Thảo", "Thủy", "Trang", "Tú",
    "Tuấn", "Vân", "Việt", "Yến",
]  # fmt: skip
APPLICANTS = [" ".join(words) for words in product(FAMILY, MIDDLE, FIRST_NAMES)]
OFFICIALS = [f"{family} Cán {first_name}" for family, first_name in product(FAMILY, FIRST_NAMES)]

_PHONE = "'09' || lpad(phone::varchar, 8, '0')"

# Column of the one-stop system → SQL over `people` and `dossier`; shapes as in docs/domain.md §8.
PERSONAL = {
    "ChuHoSo": "applicant",
    "NguoiUyQuyen": "proxy",
    "SoDinhDanh": "'040' || lpad(id_number::varchar, 9, '0')",
    "Email": "'cd' || dossier || '@mau-nghean.vn'",
    "SoDienThoai": _PHONE,
    "DiaChi": "address",
    "NgaySinh": "birth_date",
    "TrichYeuHoSo": "summary",
    "GhiChu": f"case when dossier % 23 = 0 then 'Liên hệ ' || applicant || ', số ' || {_PHONE} end",
    "NguoiXuLy": "official",
    "ChucDanh": "'Chuyên viên'",
}


def draw_people(rng: np.random.Generator, count: int) -> dict[str, pa.Array]:
    """The personal side of `count` dossiers, as Arrow columns indexed by dossier."""
    name = rng.integers(0, len(APPLICANTS), count, dtype="int32")
    proxy = rng.integers(0, len(APPLICANTS), count, dtype="int32")
    births = np.datetime_as_string(np.datetime64("1950-01-01") + np.arange(20_000))
    addresses = [f"Số nhà {house}, xóm {hamlet}" for house, hamlet in product(range(1, 300), range(1, 21))]
    return {
        "applicant": _coded(name, APPLICANTS),
        "summary": _coded(name, [f"Đơn của {applicant}" for applicant in APPLICANTS]),
        "proxy": _coded(proxy, APPLICANTS, rng.random(count) > 1 / 17),
        "official": _coded(rng.integers(0, len(OFFICIALS), count, dtype="int32"), OFFICIALS),
        "address": _coded(rng.integers(0, len(addresses), count, dtype="int32"), addresses),
        "birth_date": _coded(
            rng.integers(0, len(births), count, dtype="int32"), ["/".join(b.split("-")[::-1]) for b in births]
        ),
        "id_number": pa.array(rng.integers(0, 10**9, count)),
        "phone": pa.array(rng.integers(0, 10**8, count)),
    }


def _coded(numbers: np.ndarray, words: list[str], absent: np.ndarray | None = None) -> pa.Array:
    indices = pa.array(numbers, pa.int32(), mask=absent)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))
