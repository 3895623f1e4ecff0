"""Job `cutoff_report`: the numbers as they stood at a reporting cut-off, by a form of two fields."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from pipelines.defs.common import SETTINGS
from pipelines.defs.schedules import BUILT
from pipelines.landing.cutoffs import list_cutoffs
from pipelines.warehouse.moment import MomentRefused, read_moment


def describe_choice(cutoffs: Mapping[str, str]) -> Any:
    """The type of the form's field: one of the list, which the launchpad offers, or any text where there is none."""
    values = [dg.EnumValue(moment, description=label) for moment, label in cutoffs.items()]
    return dg.Enum("Cutoff", values) if values else str


def configure_ops(form: Any) -> dict[str, Any]:
    """The form as configuration of the steps; MomentRefused where it names no moment, or two."""
    chosen = [moment for moment in (form.get("cutoff"), form.get("moment")) if moment]
    if len(chosen) != 1:
        raise MomentRefused("Choose one `cutoff` of the list, or write one `moment`, not both.")
    moment = str(read_moment(chosen[0]))
    reason = form.get("reason") or f"cut-off {moment}"
    return {
        "ops": {
            "warehouse": {"config": {"as_of": moment}},
            "release": {"config": {"author": form.get("author") or "cutoff_report", "reason": reason}},
        }
    }


cutoff_report = dg.define_asset_job(
    "cutoff_report",
    selection=BUILT,
    config=dg.ConfigMapping(
        configure_ops,
        config_schema={
            "cutoff": dg.Field(
                describe_choice(list_cutoffs(SETTINGS.landing)),
                is_required=False,
                description="Mốc báo cáo trong danh mục. A cut-off of the reference list.",
            ),
            "moment": dg.Field(
                str,
                is_required=False,
                description="Hoặc một thời điểm, giờ địa phương. Or a moment, local time: 2025-08-06 16:00:00; a day "
                "means its end.",
            ),
            "author": dg.Field(
                str, is_required=False, description="Ai yêu cầu. Who asks; on record with the release."
            ),
            "reason": dg.Field(
                str, is_required=False, description="Vì sao. Why; on record with the release."
            ),
        },
    ),
    description="Số liệu tại một mốc báo cáo: chọn `cutoff` trong danh mục hoặc ghi `moment`. The numbers as they "
    "stood at a cut-off: choose `cutoff` of the list, or write `moment`. The next night publishes the newest data.",
)
jobs = [cutoff_report]
