"""Write the golden scan again: ``python -m tests.golden.make``, together with ENGINE_VERSION."""

from __future__ import annotations

import json
from pathlib import Path

from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.version import ENGINE_VERSION
from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.models.loading import load_any
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings

FILE = Path(__file__).with_name("mini_gpt2_s.json")
TASKS = ("ioi", "anti_lists", "ioi_abc", "plain_text")
ABLATIONS = (("zero", "all"), ("mean", "all"), ("resample", "end"))


def golden_scan() -> dict[str, list[float]]:
    """Mean effects of all heads of one embedded model, by task and kind of ablation."""
    folder = Path(__file__).parents[2] / "data" / "01_raw" / "zoo" / "mini_gpt2_s"
    loaded = load_any(str(folder))
    tasks = shipped_tasks()
    prompts, _ = build_prompts(tasks, PromptSettings(n_prompts=40), loaded.reads.tokenizer)
    found = {}
    for task in TASKS:
        for ablation, positions in ABLATIONS:
            primary = AblationKind(ablation=ablation, positions=positions)
            settings = ScanSettings(primary=primary, ablations=(), positions=(), draws=1)
            measured = Measurement(
                loaded.anatomy, task, tasks.root[task], settings, prompts, Chunk.of(loaded.anatomy)
            )
            (effects,) = measured.head_effects()
            found[f"{task} {primary}"] = [round(delta, 7) for delta in effects["delta"]]
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps({"engine": ENGINE_VERSION, "effects": golden_scan()}, indent=1))
