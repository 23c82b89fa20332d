"""Write every generated page: ``python -m docs.generate``."""

from __future__ import annotations

from docs.generate.pages import written

if __name__ == "__main__":
    for path in written():
        print(f"wrote {path}")
