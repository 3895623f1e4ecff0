"""What a run's configuration alone cannot do."""

from __future__ import annotations

import os

import pytest

from pipelines.runs.confirmation import NotConfirmed, make_confirmation, use_confirmation
from pipelines.settings import Settings


def test_a_confirmation_serves_once_and_for_its_action(settings: Settings) -> None:
    code = make_confirmation(settings, "restore 3")
    with pytest.raises(NotConfirmed, match="thongsuot releases confirm restore 4"):
        use_confirmation(settings, "restore 4", code)
    use_confirmation(settings, "restore 3", code)
    with pytest.raises(NotConfirmed, match="Nothing was changed"):
        use_confirmation(settings, "restore 3", code)


@pytest.mark.parametrize("code", ["", "restore 3", "../../x", "0" * 32, "é" * 32])
def test_what_nobody_issued_confirms_nothing(settings: Settings, code: str) -> None:
    with pytest.raises(NotConfirmed):
        use_confirmation(settings, "restore 3", code)


def test_an_old_confirmation_confirms_nothing(settings: Settings) -> None:
    code = make_confirmation(settings, "accept 1")
    os.utime(settings.dagster / "confirmations" / code, (0, 0))
    with pytest.raises(NotConfirmed):
        use_confirmation(settings, "accept 1", code)
