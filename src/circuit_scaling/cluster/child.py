"""``python -m circuit_scaling.cluster.child PARENT …``: ``kedro …``, which ends with its parent.

A child that goes on after its worker was killed would measure beside the one that takes its place.
"""

from __future__ import annotations

import os
import sys

from circuit_scaling.runners.lifetime import end_with_parent


def main() -> None:
    """Run the words after the parent's process number as ``kedro`` does."""
    parent = int(sys.argv.pop(1))
    end_with_parent()
    if os.getppid() != parent:
        sys.exit("What started this process has ended already.")
    from kedro.framework.cli import main as kedro

    sys.argv[0] = "kedro"
    kedro()


if __name__ == "__main__":
    main()
