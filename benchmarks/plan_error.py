"""What ``kedro plan`` says beside what a run took: seconds from run logs, bytes of stored tables.

Give the environment and the threads that the run had: a rate is measured now, and a run log keeps
the times of its own day. What other work does on the machine is in both.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import torch
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from benchmarks.markdown import table
from circuit_scaling.configuration import ROSTERS
from circuit_scaling.models.hub import Hub
from circuit_scaling.models.roster import Roster
from circuit_scaling.plan.disk import table_bytes
from circuit_scaling.plan.places import place_of
from circuit_scaling.plan.plan import amount_of
from circuit_scaling.plan.settings import Settings
from circuit_scaling.plan.shapes import shape_of
from circuit_scaling.plan.speed import rate_of, seconds_of

ROOT = Path(__file__).parents[1]
_LAYERS = "[0-9][0-9]_*"
_LOGS = ("run_log", "causal_log", "ablation_log", "detect_log", "mask_log")
_HEAD = ("stage", "model", "said, s", "took, s", "took / said", "counted", "logged")


def lines(parameters: dict[str, Any], data_root: Path, filings: int) -> Iterator[dict[str, Any]]:
    """Of every line of the run logs: what the plan says, and what was measured."""
    settings, device = Settings(parameters), torch.device("cpu")
    entries = {}
    for roster in ROSTERS:
        entries |= Roster.model_validate(parameters[roster]).root
    for log in _LOGS:
        for _, row in newest(data_root, log).iterrows():
            entry = entries[row["model"]]
            shape = shape_of(entry, place_of(entry, Hub()).headers)
            amount = amount_of(row["stage"], shape.sizes, settings, filings)
            width = shape.sizes.d_model
            said = seconds_of(
                amount.operations,
                row["stage"],
                width,
                shape.weights(entry.dtype),
                rate_of(device, width, "float32"),
                "float32",
            )
            yield {
                "stage": row["stage"],
                "model": row["model"],
                "said": said.expected,
                "took": row["seconds"],
                "in range": said.low <= row["seconds"] <= said.high,
                "counted": amount.counted,
                "logged": row["seconds"] * row["per_second"],
                "bytes": table_bytes(row["stage"], amount),
            }


def newest(data_root: Path, name: str) -> pd.DataFrame:
    """The newest version of a table of all models; empty where there is none."""
    files = sorted(data_root.glob(f"{_LAYERS}/{name}.parquet/*/{name}.parquet"))
    return pd.read_parquet(files[-1]) if files else pd.DataFrame()


def stored(data_root: Path) -> int:
    """Bytes of the newest versions of all tables."""
    tables = {
        file.parents[1]: file
        for file in sorted(data_root.glob(f"{_LAYERS}/**/*.parquet"))
        if file.is_file()
    }
    return sum(file.stat().st_size for file in tables.values())


def main() -> None:
    """Print the comparison as a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plan_error", description=__doc__)
    parser.add_argument("--env", default="base")
    parser.add_argument("--data-root", type=Path, help="of the run; by default the environment's")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env=options.env) as session:
        context = session.load_context()
        root = options.data_root or context.config_loader.data_root
        filings = len(context.catalog.load("filings_truth"))
        found = list(lines(context.catalog.load("parameters"), root, filings))
    print(
        table(
            _HEAD,
            [
                [
                    line["stage"],
                    line["model"],
                    f"{line['said']:.1f}",
                    f"{line['took']:.1f}",
                    f"{line['took'] / line['said']:.2f}",
                    f"{line['counted']:,}",
                    f"{line['logged']:,.0f}",
                ]
                for line in found
            ],
        )
    )
    errors = [abs(line["took"] / line["said"] - 1) for line in found]
    within = sum(line["in range"] for line in found)
    print(f"{within} of {len(found)} times are in their range; median error {median(errors):.0%}.")
    all_said, all_took = (sum(line[name] for line in found) for name in ("said", "took"))
    print(f"All together: {all_said:.0f} s said, {all_took:.0f} s taken.")
    said_bytes = sum(line["bytes"] for line in found)
    print(f"Tables: {said_bytes / 1e6:.1f} MB said, {stored(root) / 1e6:.1f} MB stored.")


if __name__ == "__main__":
    main()
