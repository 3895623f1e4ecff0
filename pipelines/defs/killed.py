"""A run whose process is gone gives back its place in the queue at the daemon's next look."""

import dagster as dg

from pipelines.defs.common import SETTINGS
from pipelines.runs.alive import settle_runs
from pipelines.settings import Settings

SECONDS_BETWEEN_LOOKS = 60


def killed_sensor(settings: Settings = SETTINGS) -> dg.SensorDefinition:
    @dg.sensor(
        name="killed_runs",
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        description="Lần chạy mà tiến trình đã bị dừng đột ngột: ghi là hỏng, trả chỗ. A run whose process "
        "is gone, wherever it was started, is marked as failed, so that the next need not wait. Starts nothing.",
        # Always on: it reads one folder, and a night that waits in vain is not noticed before morning.
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        settled = settle_runs(settings, context.instance)
        return dg.SkipReason(f"killed, given up: {', '.join(settled)}" if settled else "no killed run")

    return look


sensors = [killed_sensor()]
