"""Every table's schema by name: whatever schema a module of this room defines is in it."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from circuit_scaling import tables
from circuit_scaling.tables.table import Table


def tables_of(pipeline: str) -> tuple[str, ...]:
    """The tables whose schemas are in the module of a pipeline's name, in their order there."""
    return tuple(_BY_MODULE[pipeline])


def _collected() -> dict[str, dict[str, Table]]:
    """Module -> its tables by name.

    Raises:
        ValueError: two modules have a table; one that needs another's imports the module.
    """
    found: dict[str, dict[str, Table]] = {}
    for module in iter_modules(tables.__path__):
        if module.name == __name__.rpartition(".")[2]:
            continue
        values = vars(import_module(f"{tables.__name__}.{module.name}")).values()
        here = {value.name: value for value in values if isinstance(value, Table)}
        for other, there in found.items():
            if twice := here.keys() & there.keys():
                raise ValueError(f"'{min(twice)}' is in two modules: {other} and {module.name}")
        found[module.name] = here
    return found


_BY_MODULE = _collected()
ALL_TABLES = {name: table for here in _BY_MODULE.values() for name, table in here.items()}
