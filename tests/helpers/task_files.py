"""Shipped IOI prompts as files of the user's own have them."""

from __future__ import annotations

from functools import cache

import pandas as pd

from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_entries
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from tests.helpers.prompt_sets import tokenizer

N_PROMPTS = 80
# Two texts of one length, of which tasks and reference set have equally many prompts.
TEMPLATES = tuple(shipped_entries()["ioi"]["templates"][place] for place in (0, 4))
IOI = {name: {"templates": list(TEMPLATES)} for name in ("ioi", "ioi_abc")}
"""What makes the shipped tasks those of the file."""


@cache
def _prompts() -> pd.DataFrame:
    shipped = shipped_entries()
    tasks = Tasks.model_validate({name: shipped[name] | entry for name, entry in IOI.items()})
    return build_prompts(tasks, PromptSettings(n_prompts=N_PROMPTS), tokenizer("zoo"))[0]


def ioi_rows() -> pd.DataFrame:
    """The prompts of ``ioi``, each beside one of its reference set with the same template.

    Both are in the order that they are shipped in, template by template.
    """
    prompts = _prompts()
    asked, references = (
        prompts[prompts["task"] == name].reset_index(drop=True) for name in ("ioi", "ioi_abc")
    )
    decode = tokenizer("zoo").decode
    answer, distractor = (
        [decode(list(ids)).strip() for ids in asked[name]] for name in ("answer", "distractor")
    )
    waiting = {name: iter(rows) for name, rows in references.groupby("template")["text"]}
    return pd.DataFrame(
        {
            "clean": asked["text"],
            "corrupt": [next(waiting[name]) for name in asked["template"]],
            "answer": answer,
            "distractor": distractor,
            "cluster": asked["cluster"],
            "template": asked["template"].str.rpartition("/")[2],
        }
    )
