"""A valid example of four rows of every table, by name; one module per schema file."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

VALID: dict[str, dict[str, Any]] = {
    name: table
    for module in iter_modules(__path__)
    if module.name != "rows"
    for name, table in import_module(f"{__name__}.{module.name}").TABLES.items()
}
