"""`thongsuot doctor`: an installation looked over in seconds; each line says what is, and what to mend.

A check is a function that gives diagnoses. One that raises is a failure of its own: the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipelines.masking import mask_secrets
from pipelines.operations import check_data, check_machine, check_service
from pipelines.operations.diagnosis import Diagnosis
from pipelines.settings import Settings

CHECKS: dict[str, Callable[[Settings], Iterator[Diagnosis]]] = {
    "python": check_machine.check_python,
    "packages": check_machine.check_packages,
    "extensions": check_machine.check_extensions,
    "permissions": check_machine.check_permissions,
    "clock": check_machine.check_clock,
    "disk": check_machine.check_disk,
    "format": check_data.check_data_format,
    "sources": check_data.check_sources,
    "landing": check_data.check_landed,
    "lake": check_data.check_lake,
    "leftovers": check_data.check_leftovers,
    "postgres": check_data.check_postgres,
    "writer": check_service.check_writer,
    "schedule": check_service.check_schedule,
    "alerts": check_service.check_alerts,
    "backup": check_service.check_backup,
    "verify": check_service.check_verified,
    "lineage": check_service.check_lineage,
}


def examine_installation(settings: Settings) -> list[Diagnosis]:
    """In the order of CHECKS."""
    diagnoses: list[Diagnosis] = []
    for name, check in CHECKS.items():
        try:
            diagnoses += check(settings)
        except Exception as error:  # whatever it is, the other checks are made
            text = mask_secrets(f"{type(error).__name__}: {error}".splitlines()[0])[:300]
            diagnoses.append(
                Diagnosis(name, "fail", text, "mend this first, then run `thongsuot doctor` again")
            )
    return diagnoses
