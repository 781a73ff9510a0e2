"""A module that is imported where something of it is first used: to list the tests, nobody has to wait for it."""

from __future__ import annotations

import importlib
from types import ModuleType


class Later(ModuleType):
    """Stands for a module that takes long to import; its name is that of the module."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):  # pytest asks everything that a file has for its `_mock_name` and its `__test__`
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)
