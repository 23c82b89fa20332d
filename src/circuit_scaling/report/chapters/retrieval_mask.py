"""The chapter on masking: are the answers lost without the heads that read the document?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from circuit_scaling.figures.style import METHODS, QUESTIONS, number
from circuit_scaling.report.blocks import (
    MISSING,
    Block,
    Cell,
    Table,
    arrange,
    count_cell,
    counted,
    drawing,
    interval,
    model_cell,
    number_cell,
    share,
    share_interval,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.chapters.retrieval_detect import listed
from circuit_scaling.report.context import ReportContext
from circuit_scaling.vocabulary import ABLATION_MODES, EVERY_QUESTION


def _tell(context: ReportContext) -> Told:
    """The most heads of each method against random ones: together, by question, by ablation."""
    summary = arrange(context.tables["masking_summary"], context.order)
    if summary.empty:
        return Told(("No heads were masked.",))
    most = _with_most_heads(summary)
    together = most[(most["question"] == EVERY_QUESTION) & most["answered"]]
    mode = next(mode for mode in ABLATION_MODES if mode in set(summary["ablation"]))
    primary = together[together["ablation"] == mode]
    blocks: list[Block] = []
    if len(primary):
        blocks.append(_table(primary, _CAPTION, by_question=False))
        blocks += drawing(context.figures, "masking_overview", _FIGURE)
    others = together[together["ablation"] != mode]
    if len(others):
        caption = "The same where heads are not set to 0 but to their mean over other prompts."
        blocks.append(_table(others, caption, by_question=False, folded=True))
    single = most[(most["question"] != EVERY_QUESTION) & (most["ablation"] == mode)]
    if len(single):
        caption = "Question by question; those that the whole model does not answer are marked."
        blocks.append(_table(single, caption, by_question=True, folded=True))
    return Told(
        [
            "The best heads of each method, ranked on training documents, are masked together while"
            " the model answers questions about other documents: their output is replaced at every"
            " position of the prompt and of the answer. Random sets hold as many heads, and none"
            " that any method puts among its best for the question and length.",
            *_lead(primary),
            *_counted(primary),
            *_not_answered(summary),
            *_reasons(summary),
        ],
        blocks,
    )


_CAPTION = (
    "Right answers to all questions that the whole model answers, without the most heads that were"
    " masked, with 95 % intervals over filings; of random sets the mean with its interval, and the"
    " middle 95 % of the sets. Difference: best minus random, in percentage points, over the same"
    " questions. p counts the random sets that leave as few answers or fewer. Log-probability: that"
    " of the right answer in nats, best minus random."
)
_FIGURE = (
    "Right answers without the best heads of each method and without random ones, at the most heads"
    " that were masked. Every number of heads and question: figures/<model>_masking."
)


def _with_most_heads(summary: pd.DataFrame) -> pd.DataFrame:
    measured = summary[summary["accuracy"].notna()]
    keys = ["model", "method", "question", "token_length", "ablation"]
    return measured[measured["n_heads"] == measured.groupby(keys)["n_heads"].transform("max")]


def _lead(primary: pd.DataFrame) -> list[str]:
    """Per model, at the longest length where it answers something, a sentence per method."""
    sentences = []
    for model, rows in primary.groupby("model", sort=False):
        longest = rows[rows["token_length"] == rows["token_length"].max()]
        first = longest.iloc[0]
        sentences.append(
            f"At {first['token_length']:,} tokens the whole {model} answers"
            f" {_level(first, 'baseline_accuracy', ' of the questions')}."
        )
        sentences += [_sentence(row) for row in longest.to_dict("records")]
    return sentences


def _sentence(row: dict[Any, Any]) -> str:
    k, method = row["n_heads"], METHODS[row["method"]].label
    strongest = f"{k} strongest heads" if k > 1 else "strongest head"
    told = (
        f"Without its {strongest} by {method} {row['model']} answers"
        f" {_level(row, 'accuracy', ' of the questions')}"
    )
    if not row["n_random"]:
        return f"{told}; there are no random heads to compare with."
    sets = f"{counted(row['n_random'], 'set')}, p = {number(row['p_accuracy'], 2)}"
    random = f"{k} random ones" if k > 1 else "a random one"
    return f"{told}, without {random} {_level(row, 'random_accuracy')} ({sets})."


def _level(row: Any, name: str, of: str = "") -> str:
    """``4 % of the questions [1, 9]``."""
    bounds = share_interval(row[f"{name}_low"], row[f"{name}_high"]).removesuffix(" %")
    return f"{share(row[name])}{of}{f' {bounds}' if bounds else ''}"


def _counted(primary: pd.DataFrame) -> list[str]:
    """In how many comparisons the best heads take more than random ones."""
    tested = primary[primary["accuracy_difference"].notna()]
    if tested.empty:
        return []
    highs = tested["accuracy_difference_high"].dropna()
    least = 1 / (1 + tested["n_random"].max())
    told = (
        f"the whole interval of the difference lies below 0 in {int((highs < 0).sum())} of"
        f" {len(highs)}"
        if len(highs)
        else "there are no intervals, for lack of filings"
    )
    lower = int((tested["accuracy_difference"] < 0).sum())
    return [
        f"Over models, methods and lengths, fewer answers are left without the best heads than"
        f" without random ones in {lower} of {counted(len(tested), 'comparison')}; {told}. With"
        f" {tested['n_random'].max()} random sets p cannot fall below {number(least, 2)}."
    ]


def _not_answered(summary: pd.DataFrame) -> list[str]:
    failing = summary[(summary["question"] != EVERY_QUESTION) & ~summary["answered"]]
    failing = failing.drop_duplicates(["model", "question", "token_length"])
    if failing.empty:
        return []
    lengths = {m: sorted(set(rows)) for m, rows in summary.groupby("model")["token_length"]}
    named = "; ".join(
        f"{listed(rows, lengths[model])} ({model})"
        for model, rows in failing.groupby("model", sort=False)
    )
    return [f"Left out, because the whole model does not answer them on these documents: {named}."]


def _reasons(summary: pd.DataFrame) -> list[str]:
    """Of the most heads, sets that do not exist, with the reason."""
    most = summary["n_heads"] == summary.groupby("model")["n_heads"].transform("max")
    lacking = summary[most & (summary["reason"] != "")].drop_duplicates(["model", "reason"])
    if lacking.empty:
        return []
    pairs = zip(lacking["model"], lacking["reason"], strict=True)
    named = "; ".join(f"{model}: {reason}" for model, reason in pairs)
    return [f"Sets that do not exist: {named}."]


def _table(rows: pd.DataFrame, caption: str, *, by_question: bool, folded: bool = False) -> Table:
    lines = []
    for row in rows.to_dict("records"):
        model = model_cell(row["model"])
        masked = f"{counted(row['n_heads'], 'head')}, {row['ablation']}"
        method = text_cell(METHODS[row["method"]].label, note=masked)
        question = text_cell(
            QUESTIONS[row["question"]], flag="" if row["answered"] else "not answered"
        )
        lines.append(
            (
                model,
                *((question,) if by_question else ()),
                count_cell(row["token_length"]),
                method,
                _share_cell(row, "baseline_accuracy"),
                _share_cell(row, "accuracy"),
                _random_cell(row),
                _points_cell(row),
                number_cell(row["p_accuracy"], 3),
                number_cell(
                    row["answer_logprob_difference"],
                    note=interval(
                        row["answer_logprob_difference_low"], row["answer_logprob_difference_high"]
                    ),
                ),
            )
        )
    names = ["model", *(("question",) if by_question else ()), "tokens", "method"]
    names += ["clean", "without the best", "without random", "difference", "p", "log-probability"]
    return Table(names, lines, caption, folded=folded)


def _share_cell(row: dict[Any, Any], name: str) -> Cell:
    note = share_interval(row[f"{name}_low"], row[f"{name}_high"])
    return Cell(share(row[name]), note, numeric=True)


def _random_cell(row: dict[Any, Any]) -> Cell:
    if not row["n_random"]:
        return Cell(MISSING, numeric=True)
    bounds = share_interval(row["random_accuracy_low"], row["random_accuracy_high"])
    sets = share_interval(row["random_accuracy_from"], row["random_accuracy_to"])
    note = "\n".join(part for part in (bounds, f"sets {sets}" if sets else "") if part)
    return Cell(share(row["random_accuracy"]), note, numeric=True)


def _points_cell(row: dict[Any, Any]) -> Cell:
    name = "accuracy_difference"
    note = interval(100 * row[f"{name}_low"], 100 * row[f"{name}_high"], 0)
    return number_cell(100 * row[name], 0, note=note)


CHAPTER = Chapter(
    anchor="masking",
    title="Are answers lost without these heads?",
    pipeline="retrieval_mask",
    tables=("masking_summary",),
    figures=("masking_overview",),
    tell=_tell,
    needs_questions=True,
    of_own_models=True,
)
