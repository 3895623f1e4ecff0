"""A large package imported at a smaller price: what it imports and hardly ever uses is loaded on first use.

Nothing of the importing package is changed. What uses such a module at once gets it at once: only slower.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class DeferredModule(ModuleType):
    """Stands for a module that is imported at the first look at anything in it."""

    def __getattr__(self, attribute: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), attribute)


@contextmanager
def defer_imports(*names: str) -> Iterator[None]:
    """Within, an import of one of `names` gives a DeferredModule, unless the module is loaded already.

    Afterwards every import gives the module itself; who got the DeferredModule keeps it, and all it gives.
    Nor is garbage looked for within: modules leave little, and to look takes a quarter of the time. What lies there
    afterwards stays, so that no later search walks through all those modules again.
    """
    deferred = {name: DeferredModule(name) for name in names if name not in sys.modules}
    sys.modules.update(deferred)
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collecting:
            gc.freeze()
            gc.enable()
        for name, module in deferred.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
