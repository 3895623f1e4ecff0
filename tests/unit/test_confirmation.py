"""What a run's configuration alone cannot do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.landing.batches import Batch
from pipelines.landing.withdrawals import RESTORED, WITHDRAWN, describe_order
from pipelines.runs.confirmation import NotConfirmed, make_confirmation, use_confirmation
from pipelines.settings import Settings


def test_a_confirmation_serves_once_and_for_its_action(settings: Settings) -> None:
    code = make_confirmation(settings, "restore 3")
    with pytest.raises(NotConfirmed, match="thongsuot releases confirm restore 4"):
        use_confirmation(settings, "restore 4", code)
    use_confirmation(settings, "restore 3", code)
    with pytest.raises(NotConfirmed, match="Nothing was changed"):
        use_confirmation(settings, "restore 3", code)


def test_what_confirms_an_order_of_batches_is_bound_to_them(settings: Settings) -> None:
    first, second = (
        Batch(name, "dossier_log", "2025-08-06", 1, "", "", "", "2025-08-07 00:30:00", "", Path())
        for name in ("b1", "b2")
    )
    code = make_confirmation(settings, describe_order(WITHDRAWN, [first]))
    command = "batches confirm --day 2025-08-06"
    # A day pulled again since, another batch, more of them, or the way back: each is another order.
    for event, batches in ((WITHDRAWN, [second]), (WITHDRAWN, [first, second]), (RESTORED, [first])):
        with pytest.raises(NotConfirmed, match="`thongsuot batches confirm --day 2025-08-06` prints one"):
            use_confirmation(settings, describe_order(event, batches), code, command)
    use_confirmation(settings, "withdraw dossier_log 2025-08-06 batch b1", code, command)


@pytest.mark.parametrize("code", ["", "restore 3", "../../x", "0" * 32, "é" * 32])
def test_what_nobody_issued_confirms_nothing(settings: Settings, code: str) -> None:
    with pytest.raises(NotConfirmed):
        use_confirmation(settings, "restore 3", code)


def test_an_old_confirmation_confirms_nothing(settings: Settings) -> None:
    code = make_confirmation(settings, "accept 1")
    os.utime(settings.dagster / "confirmations" / code, (0, 0))
    with pytest.raises(NotConfirmed):
        use_confirmation(settings, "accept 1", code)
