"""A killed `thongsuot run` gives back its slots, and its place in the queue, at the daemon's next look."""

import dagster as dg

from pipelines.defs.common import SETTINGS
from pipelines.runs.alive import clear
from pipelines.settings import Settings

SECONDS_BETWEEN_LOOKS = 60


def killed_sensor(settings: Settings = SETTINGS) -> dg.SensorDefinition:
    @dg.sensor(
        name="killed_runs",
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        description="Lần chạy từ dòng lệnh đã bị dừng đột ngột: ghi là hỏng, trả chỗ. A run from the command "
        "line whose process was killed is marked as failed, so that the next need not wait. Starts nothing.",
        # Always on: it reads one folder, and a night that waits in vain is not noticed before morning.
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        cleared = clear(settings, context.instance)
        return dg.SkipReason(f"killed, given up: {', '.join(cleared)}" if cleared else "no killed run")

    return look


sensors = [killed_sensor()]
