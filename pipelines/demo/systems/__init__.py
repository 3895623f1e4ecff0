"""The source systems of the demo, a module each. A module in this folder is found by itself.

It has `write_system(province, manifest)`: it writes under `province.root / <module's name>` and returns what
it adds to the manifest. `AFTER` names the systems whose part of the manifest it reads.
"""

from __future__ import annotations

import importlib
import pkgutil
from graphlib import TopologicalSorter
from types import ModuleType


def load_systems() -> dict[str, ModuleType]:
    """Name → module, each after those that it reads."""
    modules = {
        info.name: importlib.import_module(f"{__name__}.{info.name}")
        for info in pkgutil.iter_modules(__path__)
    }
    order = TopologicalSorter({name: getattr(module, "AFTER", ()) for name, module in modules.items()})
    return {name: modules[name] for name in order.static_order()}
