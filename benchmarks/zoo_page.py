"""docs/zoo.md from the tables that training the embedded models left; nothing is measured here."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import scipy

from benchmarks.markdown import table

_ROOT = Path(__file__).parents[1]
_ZOO = _ROOT / "data" / "01_raw" / "zoo"
_TOLD = ["accuracy", "n_questions"]
_INTRO = """\
# The embedded models

Small transformers that the pipeline `zoo` trains on a synthetic language; `data/01_raw/zoo` holds
them. Made by `python -m benchmarks.zoo_page` from the tables of that training.

Share of {n} prompts with held-out names on which the answer is likelier than the distractor, with
its 95 % interval (Wilson, over prompts). In `ioi` and `anti_names` either name may be the answer; a
control is trained on one objective and meets random answers on the other, marked *chance*.
`anti_names_first` is the study's form of anti-repetition, always the first name repeated; no model
was trained on it.

"""
_READERS = """
## Models that read documents

Share of {n} questions about fictional filings that are answered right, greedily and judged by the
first answer, with its 95 % interval (Wilson, over filings). No name of these companies was in the
training. The filing stands in the middle of as much prose as makes a prompt of so many tokens.

"""
_CURVES = """
![Loss while training, and the accuracy reached](../data/01_raw/zoo/zoo_training.png)
"""


def write_page(zoo: Path, page: Path) -> None:
    """Write the page from the accuracies stored in ``zoo``."""
    accuracy = pd.read_parquet(zoo / "training_accuracy.parquet")
    tasks = list(dict.fromkeys(accuracy["task"]))
    rows = []
    for model, of_model in accuracy.groupby("model", sort=False):
        told = of_model.set_index("task")
        rows.append([str(model), *(_told(told.loc[t]) if t in told.index else "" for t in tasks)])
    text = _INTRO.format(n=int(accuracy["n_prompts"].iloc[0])) + table(["model", *tasks], rows)
    answers = zoo / "training_answers.parquet"
    if answers.exists():
        text += _read(pd.read_parquet(answers))
    page.write_text(text + _CURVES, encoding="utf-8")


def _read(answers: pd.DataFrame) -> str:
    """The section about the models that read documents: a row per model, form and question."""
    lengths = sorted(answers["token_length"].unique())
    rows = []
    for key, asked in answers.groupby(["model", "form", "question"], sort=False):
        told = asked.set_index("token_length").loc[lengths]
        rows.append([*map(str, key), *(_share(*cell) for cell in told[_TOLD].itertuples(False))])
    heads = ["model", "form", "question", *(f"{length} tokens" for length in lengths)]
    return _READERS.format(n=int(answers["n_questions"].iloc[0])) + table(heads, rows)


def _told(row: pd.Series) -> str:
    chance = ", chance" if row["objective"] == "random" else ""
    return _share(float(row["accuracy"]), int(row["n_prompts"])) + chance


def _share(share: float, n: int) -> str:
    low, high = scipy.stats.binomtest(round(share * n), n).proportion_ci(method="wilson")
    return f"{share:.1%} [{low:.0%}, {high:.0%}]"


def main() -> None:
    """Read the tables, write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zoo_page", description=__doc__)
    parser.parse_args()
    write_page(_ZOO, _ROOT / "docs" / "zoo.md")


if __name__ == "__main__":
    main()
