"""Development-time: writes reference/*.csv. Units come from the MIT package `vietnamadminunits`
(docs/domain.md §6: it agrees with the official conversion table on all 412 Nghệ An units); procedures and
assignments are invented from real sector vocabulary, since only their number is published.

    python scripts/build_reference.py
"""

from __future__ import annotations

import csv
import itertools
import json
import sqlite3
import unicodedata
from pathlib import Path

import vietnamadminunits

PROVINCE = "40"
MERGER = "2025-07-01"
OUT = Path(__file__).resolve().parents[1] / "reference"
PACKAGE = Path(vietnamadminunits.__file__).parent / "data"

# code, name, kind; the departments after the reorganisation of March 2025.
AGENCIES = [
    ("H41.01", "Văn phòng UBND tỉnh", "văn phòng"),
    ("H41.02", "Sở Nội vụ", "sở"),
    ("H41.03", "Sở Tư pháp", "sở"),
    ("H41.04", "Sở Tài chính", "sở"),
    ("H41.05", "Sở Công Thương", "sở"),
    ("H41.06", "Sở Nông nghiệp và Môi trường", "sở"),
    ("H41.07", "Sở Xây dựng", "sở"),
    ("H41.08", "Sở Khoa học và Công nghệ", "sở"),
    ("H41.09", "Sở Giáo dục và Đào tạo", "sở"),
    ("H41.10", "Sở Y tế", "sở"),
    ("H41.11", "Sở Văn hóa, Thể thao và Du lịch", "sở"),
    ("H41.12", "Sở Ngoại vụ", "sở"),
    ("H41.13", "Sở Dân tộc và Tôn giáo", "sở"),
    ("H41.14", "Thanh tra tỉnh", "thanh tra"),
    ("H41.15", "Ban Quản lý Khu kinh tế Đông Nam", "ban"),
    ("H41.16", "Công an tỉnh", "công an"),
    ("H41.17", "Bảo hiểm xã hội tỉnh", "cơ quan ngành dọc"),
    ("H41.18", "Thuế tỉnh", "cơ quan ngành dọc"),
    ("H41.19", "Trung tâm Phục vụ hành chính công tỉnh", "trung tâm"),
    ("H41.20", "Văn phòng Đăng ký đất đai tỉnh", "văn phòng"),
]

# sector code, name, owning agency, executing level, procedures, things done, objects
SECTORS = [
    ("G15-TP01", "Hộ tịch", "H41.03", "commune", 180),
    ("G15-TP02", "Chứng thực", "H41.03", "commune", 96),
    ("G15-TP03", "Quốc tịch và nuôi con nuôi", "H41.03", "department", 60),
    ("G16-DD01", "Đất đai", "H41.06", "commune", 210),
    ("G16-NN02", "Nông nghiệp và thủy lợi", "H41.06", "department", 190),
    ("G16-MT03", "Môi trường và tài nguyên nước", "H41.06", "department", 120),
    ("G17-BT01", "Bảo trợ xã hội", "H41.10", "commune", 110),
    ("G17-YT02", "Khám bệnh, chữa bệnh và dược", "H41.10", "department", 160),
    ("G18-NC01", "Người có công", "H41.02", "commune", 90),
    ("G18-LD02", "Lao động và việc làm", "H41.02", "department", 130),
    ("G19-HK01", "Hộ kinh doanh và doanh nghiệp", "H41.04", "commune", 140),
    ("G20-XD01", "Xây dựng và quy hoạch", "H41.07", "department", 150),
    ("G20-GT02", "Giao thông vận tải", "H41.07", "department", 130),
    ("G21-CT01", "Công Thương", "H41.05", "department", 120),
    ("G22-GD01", "Giáo dục và đào tạo", "H41.09", "commune", 100),
    ("G23-VH01", "Văn hóa, thể thao và du lịch", "H41.11", "department", 90),
    ("G24-CN01", "Khoa học, công nghệ và viễn thông", "H41.08", "department", 80),
]
ACTIONS = ["Đăng ký", "Cấp", "Cấp lại", "Cấp đổi", "Gia hạn", "Điều chỉnh", "Xác nhận", "Công nhận", "Thẩm định", "Thu hồi", "Chấm dứt", "Thông báo"]  # fmt: skip
OBJECTS = ["giấy chứng nhận", "giấy phép", "bản sao trích lục", "quyết định", "giấy xác nhận", "hồ sơ", "chứng chỉ", "văn bản chấp thuận"]  # fmt: skip
CATEGORIES = ["facilities", "equipment", "staffing", "staff_expertise", "it_skills", "shared_software", "network", "citizen_access", "land", "civil_status", "result_handover", "other"]  # fmt: skip


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()))


def units() -> tuple[list[dict], list[dict]]:
    con = sqlite3.connect(PACKAGE / "dataset.db")
    con.row_factory = sqlite3.Row
    new = con.execute(
        "select * from admin_units where provinceCode = ? order by wardCode", [PROVINCE]
    ).fetchall()
    old = con.execute(
        "select * from admin_units_legacy where provinceCode = ? order by wardCode", [PROVINCE]
    ).fetchall()
    undivided = json.loads((PACKAGE / "converter_2025.json").read_text(encoding="utf-8"))
    merged = undivided["DICT_PROVINCE_WARD_NO_DIVIDED"][new[0]["provinceKey"]]
    successor = {key: ward for ward, keys in merged.items() for key in keys}
    by_key = {row["wardKey"]: row for row in new}
    mapping, listed = [], []
    for row in old:
        target = by_key[successor[f"{row['provinceKey']}_{row['districtKey']}_{row['wardKey']}"]]
        mapping.append(
            {
                "old_unit_code": row["wardCode"],
                "old_unit_name": nfc(row["ward"]),
                "old_district_name": nfc(row["district"]),
                "new_unit_code": target["wardCode"],
                "new_unit_name": nfc(target["ward"]),
            }
        )
        listed.append(
            unit(
                row["wardCode"],
                row["ward"],
                row["wardType"],
                "commune",
                row["district"],
                "2000-01-01",
                MERGER,
                (row["wardLat"], row["wardLon"]),
            )
        )
    listed += [
        unit(r["wardCode"], r["ward"], r["wardType"], "commune", "", MERGER, "", (r["wardLat"], r["wardLon"]))
        for r in new
    ]
    listed += [unit(code, name, kind, "department", "", "2025-03-01", "") for code, name, kind in AGENCIES]
    return listed, mapping


def unit(
    code: str,
    name: str,
    kind: str,
    level: str,
    district: str,
    first: str,
    last: str,
    place: tuple[float | None, float | None] = (None, None),
) -> dict:
    """`place`: latitude and longitude in degrees, as the package has them; empty where it has none."""
    return {
        "unit_code": code, "unit_name": nfc(name), "unit_type": nfc(kind).lower(), "unit_level": level,
        "district_name": nfc(district), "is_current": str(not last).lower(),
        "valid_from": first, "valid_to": last,
        **{axis: "" if degree is None else f"{degree:.4f}" for axis, degree in zip(("latitude", "longitude"), place, strict=True)},
    }  # fmt: skip


def procedures() -> list[dict]:
    """Exactly 2 156 (K5); levels and flags are spread by fixed counts, not by chance."""
    rows: list[dict] = []
    for code, sector, agency, level, count in SECTORS:
        names = itertools.cycle(itertools.product(OBJECTS, ACTIONS))
        for number, (thing, action) in zip(range(count), names, strict=False):
            count = len(rows)
            rows.append(
                {
                    "procedure_code": f"1.{10_000 + 7 * count:06d}",
                    "procedure_name": f"{action} {thing} lĩnh vực {sector.lower()} (loại {number + 1})",
                    "sector_code": code,
                    "sector_name": sector,
                    "agency_code": agency,
                    "service_level": ("full", "full", "partial", "full", "information")[count % 5],
                    "has_fee": str(count % 3 == 0).lower(),
                    "needs_paper_result": str(count % 4 == 0).lower(),
                    "executing_level": level,
                    "processing_days": (1, 3, 5, 7, 10, 15, 20)[count % 7],
                }  # fmt: skip
            )
    assert len(rows) == 2156, len(rows)
    return rows


def assignments() -> list[dict]:
    """Every category and sector has somebody who must act; the last line catches the rest."""
    roles = ["Tổ trưởng", "Tổ phó thường trực", "Thành viên phụ trách hạ tầng số", "Thành viên phụ trách nhân lực", "Thành viên phụ trách thủ tục hành chính", "Thành viên phụ trách đất đai"]  # fmt: skip
    by_category = {
        "facilities": roles[1], "equipment": roles[2], "staffing": roles[3], "staff_expertise": roles[3],
        "it_skills": roles[3], "shared_software": roles[2], "network": roles[2], "citizen_access": roles[4],
        "land": roles[5], "civil_status": roles[4], "result_handover": roles[4], "other": roles[0],
    }  # fmt: skip
    lines = [
        {"member_role": by_category[c], "sector_code": "*", "unit_code": "*", "category": c}
        for c in CATEGORIES
    ]
    lines.append({"member_role": roles[5], "sector_code": "G16-DD01", "unit_code": "*", "category": "*"})
    return lines


def write(name: str, rows: list[dict]) -> None:
    with (OUT / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{name}: {len(rows)} rows")


def main() -> None:
    OUT.mkdir(exist_ok=True)
    listed, mapping = units()
    write("units", listed)
    write("unit_mapping", mapping)
    write("procedures", procedures())
    write("assignments", assignments())
    write("reporting_cutoffs", [
        {"cutoff_at": "2025-07-22 16:00:00", "period_start": "2025-07-01 00:00:00", "label_vi": "Báo cáo ngày 22/07/2025", "label_en": "Report of 22 July 2025"},
        {"cutoff_at": "2025-08-06 16:00:00", "period_start": "2025-07-01 00:00:00", "label_vi": "Báo cáo 16 giờ ngày 06/08/2025", "label_en": "Report of 16:00, 6 August 2025"},
    ])  # fmt: skip
    write("working_day_overrides", [
        {"date": "2026-01-02", "is_working_day": "false", "document_number": "Thông báo hoán đổi ngày làm việc dịp Tết Dương lịch 2026", "note": "nghỉ, làm bù thứ Bảy 10/01/2026"},
        {"date": "2026-01-10", "is_working_day": "true", "document_number": "Thông báo hoán đổi ngày làm việc dịp Tết Dương lịch 2026", "note": "làm bù cho 02/01/2026"},
    ])  # fmt: skip


if __name__ == "__main__":
    main()
