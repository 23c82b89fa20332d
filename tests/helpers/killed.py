"""Processes that are killed at work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def killed_while_writing(path: Path) -> None:
    """A process that is killed when half of a table is written."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from circuit_scaling.datasets.atomic import write_atomically\n"
        "def half(part):\n"
        "    part.write_bytes(b'PAR1')\n"
        "    os.kill(os.getpid(), 9)\n"
        "write_atomically(Path(sys.argv[1]), half)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9
