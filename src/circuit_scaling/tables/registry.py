"""Every table's schema by name: whatever schema a module of this room defines is in it."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from circuit_scaling import tables
from circuit_scaling.tables.table import Table


def _collected() -> dict[str, Table]:
    found: dict[str, Table] = {}
    for module in iter_modules(tables.__path__):
        if module.name == __name__.rpartition(".")[2]:
            continue
        for value in vars(import_module(f"{tables.__name__}.{module.name}")).values():
            if isinstance(value, Table) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"two schemas are called '{value.name}'")
    return found


ALL_TABLES = _collected()
