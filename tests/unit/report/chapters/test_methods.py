"""What the chapter on methods says of heads that were settled one by one."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.report.chapters.methods import _settled


def test_the_prompts_of_settled_heads_are_told_by_task() -> None:
    heads = pd.DataFrame(
        {"n_prompts_ioi": [64.0, 64.0, 1800.0], "n_prompts_anti_names": [64.0, 128.0, 320.0]}
    )
    said = _settled(heads, {"tau": 0.05})
    assert "told from τ = 0.05, on 64 prompts of IOI (64 to 1,800) and 128 prompts of" in said
    assert "(64 to 320) in the median" in said
