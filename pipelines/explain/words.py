"""The causes of a movement and the fields that a correction changed, in words: (Vietnamese, English)."""

from __future__ import annotations

CAUSES = {
    "new_in_period": ("mới phát sinh trong kỳ", "new in period"),
    "late_arrival": ("đến muộn", "late arrival"),
    "correction": ("đính chính", "correction"),
    "rejection_out": ("được nhận lại", "released from rejection"),
    "rejection_in": ("bị loại", "sent to rejection"),
    "pulled_again": ("kéo lại ngày cũ", "day pulled again"),
    "batch_withdrawn": ("rút lô dữ liệu", "withdrawn batch"),
    "batch_restored": ("khôi phục lô đã rút", "restored batch"),
    "code_or_reference": ("đổi quy tắc, danh mục", "code or reference changed"),
    "restored": ("khôi phục bản cũ", "restored"),
    "unexplained": ("chưa giải thích được", "unexplained"),
}
FIELDS = {
    "unit": ("đơn vị", "unit"),
    "channel": ("kênh", "channel"),
    "received_at": ("ngày tiếp nhận", "received"),
    "result": ("kết quả điện tử", "e-result"),
    "status": ("trạng thái", "status"),
    "due_date": ("hạn", "due date"),
}
