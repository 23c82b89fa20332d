"""The chapter on retrieval heads: which heads read the document, and which others have found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from circuit_scaling.analysis.retrieval.known_heads import published_retrieval_heads
from circuit_scaling.figures.retrieval.rankings import digits_of, mean_scores, strongest
from circuit_scaling.figures.style import METHODS, QUESTIONS, number
from circuit_scaling.report.blocks import (
    MISSING,
    Block,
    Cell,
    Table,
    arrange,
    count_cell,
    head_name,
    model_cell,
    number_cell,
    share,
    share_interval,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.vocabulary import QUESTION_IDS

_ASKED = ["question", "token_length"]
_NAMED = 5
_RETEST = (
    "How well such lists repeat themselves: two runs of one method on Llama-3-8B-Instruct share 46"
    " of their best 50 heads, and two data sets under one method 3 of 16 on"
    " Llama-3.1-8B-Instruct, where another method shares 13 of 16 with one of them."
)

_METHODS = (
    "Summed Attention by what the last token gives to the document, Wu24 by how often the strongest"
    " look of a head lies on the token that is being copied, QRHead by what the question's tokens"
    " give to the document beyond what a null query gives it. Scores of different methods are not"
    " on one scale."
)
_MEASURED = (
    "Each model reads a document within other text and is asked about it. Three methods score how"
    f" much a head reads the document for the answer: {_METHODS}"
)
_TAKEN_AS_OURS = (
    "The imported rankings name methods and questions of this project, and are taken to follow its"
    f" definitions. Heads are scored for how much they read the document: {_METHODS}"
)
_OF_OTHERS = (
    "Single heads are named here for methods and questions of this project, where it is known what"
    " the models answer. The imported rankings are none of these; the next chapter compares them as"
    " they are."
)


def _tell(context: ReportContext) -> Told:
    """What is answered, the best heads of each method, known heads, what could be asked."""
    rankings = arrange(context.tables["head_rankings"], context.order)
    if rankings.empty:
        none = "No rankings were given." if context.imported_retrieval else "No head was scored."
        return Told((none,))
    rankings = _of_our_questions(rankings)
    if rankings.empty:
        return Told((_OF_OTHERS,))
    imported = context.imported_retrieval
    blocks: list[Block] = [_answers_table(rankings), _strongest_table(rankings, imported=imported)]
    sentences = [
        _TAKEN_AS_OURS if imported else _MEASURED,
        *_answered(rankings),
        *_without_scores(rankings),
    ]
    known = context.tables.get("known_retrieval_heads")
    if known is not None:
        sentences += _known_sentences(known)
        known = arrange(known, context.order)
        judged = known[known["answered"]]
        if len(judged):
            blocks.append(_lists_table(judged))
            by_model = judged.groupby("model", sort=False)
            blocks += [_known_table(str(model), rows) for model, rows in by_model]
    counts = context.tables.get("question_counts")
    if counts is not None and len(counts):
        blocks.append(_counts_table(arrange(counts, context.order)))
    return Told(sentences, blocks)


def _of_our_questions(rankings: pd.DataFrame) -> pd.DataFrame:
    """Rankings by the project's methods on its questions, of which it is known how they went."""
    known = rankings["method"].isin(METHODS) & rankings["question"].isin(QUESTION_IDS)
    return rankings[known & rankings["answered"].notna()]


def _answered(rankings: pd.DataFrame) -> list[str]:
    """Per model, how many questions it answers, and which it does not."""
    sentences = [
        "A question counts as answered where the interval of the accuracy on the training documents"
        " lies above that of always giving the commonest answer; others are left out of"
        " conclusions."
    ]
    for model, rows in _configurations(rankings).groupby("model", sort=False):
        failing = rows[~rows["answered"]]
        lengths = sorted(set(rows["token_length"]))
        if len(failing) in (0, len(rows)):
            which = "all" if failing.empty else "none of"
            what = "questions × lengths" if len(rows) > 1 else "question × length"
            sentences.append(f"{model} answers {which} {len(rows)} {what}.")
        else:
            sentences.append(
                f"{model} answers {len(rows) - len(failing)} of {len(rows)} questions × lengths,"
                f" not {listed(failing, lengths)}."
            )
    return sentences


def listed(asked: pd.DataFrame, lengths: Sequence[int]) -> str:
    """Questions of one model, each with its token lengths; ``lengths`` are all that there are."""
    return "; ".join(
        f"{QUESTIONS[str(question)]} at {_lengths(sorted(set(rows['token_length'])), lengths)}"
        for question, rows in asked.groupby("question", sort=False)
    )


def _lengths(some: Sequence[int], every: Sequence[int]) -> str:
    if len(some) == len(every):
        return "every length"
    return f"{', '.join(f'{length:,}' for length in some)} tokens"


def _configurations(rankings: pd.DataFrame) -> pd.DataFrame:
    """One row per model, question and length."""
    return rankings.drop_duplicates(["model", *_ASKED])


def _without_scores(rankings: pd.DataFrame) -> list[str]:
    """Methods that could score no head of a model, for lack of right answers."""
    scored = rankings.groupby(["model", "method"], sort=False)["score"].count()
    return [
        f"{METHODS[str(method)].label} has no score for any head of {model}: no answer was right."
        for model, method in scored[scored == 0].index
    ]


def _answers_table(rankings: pd.DataFrame) -> Table:
    lengths = sorted(set(rankings["token_length"]))
    rows = []
    for (model, question), asked in _configurations(rankings).groupby(
        ["model", "question"], sort=False
    ):
        by_length = {row["token_length"]: row for row in asked.to_dict("records")}
        cells = [_answer_cell(by_length.get(length)) for length in lengths]
        rows.append((model_cell(model), text_cell(QUESTIONS[str(question)]), *cells))
    names = ["model", "question", *(f"{length:,} tokens" for length in lengths)]
    caption = (
        "Right answers of the whole model on the training documents, on which heads are ranked,"
        " with the 95 % interval and the floor: always giving the commonest answer."
    )
    return Table(names, rows, caption)


def _answer_cell(row: dict[Any, Any] | None) -> Cell:
    if row is None:
        return Cell(MISSING, numeric=True)
    bounds = share_interval(row["accuracy_low"], row["accuracy_high"])
    note = f"{bounds}\nfloor {share(row['floor'])}"
    flag = "" if row["answered"] else "not answered"
    return Cell(share(row["accuracy"]), note, flag, numeric=True)


def _strongest_table(rankings: pd.DataFrame, *, imported: bool) -> Table:
    rows = []
    for model, of_model in rankings.groupby("model", sort=False):
        answered = of_model[of_model["answered"]]
        used = of_model if answered.empty else answered
        scores = mean_scores(of_model)
        for method, look in METHODS.items():
            ranked = used[used["method"] == method]
            named = strongest(scores[scores["method"] == method], _NAMED)
            digits = digits_of(float(named["score"].max())) if len(named) else 0
            cells = [_strong_cell(row, ranked, digits) for row in named.to_dict("records")]
            if cells:
                empty = [Cell(MISSING, numeric=True)] * (_NAMED - len(cells))
                rows.append((model_cell(model), text_cell(look.label), *cells, *empty))
    names = ["model", "method", *(f"{place + 1}." for place in range(_NAMED))]
    caption = (
        "The strongest heads by the mean of their scores over the questions and lengths that the"
        f" model answers (all of them where it answers none), and in how many of these a head is"
        f" among the best {_NAMED}."
    )
    if not imported:
        caption += " Every head: tables/head_rankings.csv; maps: figures/<model>_retrieval_scores."
    return Table(names, rows, caption)


def _strong_cell(row: dict[Any, Any], ranked: pd.DataFrame, digits: int) -> Cell:
    here = ranked[(ranked["layer"] == row["layer"]) & (ranked["head"] == row["head"])]
    among = int((here["rank"] <= _NAMED).sum())
    note = f"{number(row['score'], digits)}\n{among} of {len(here)}"
    return Cell(head_name(row["layer"], row["head"]), note, numeric=True)


def _known_sentences(known: pd.DataFrame) -> list[str]:
    if known.empty:
        names = ", ".join(published_retrieval_heads()["checkpoint"].unique())
        return [
            "Not run: whether published retrieval heads are found again, because none of their"
            f" checkpoints was measured ({names})."
        ]
    if not known["answered"].any():
        return ["The models with published retrieval heads answer no question here."]
    return []


def _lists_table(known: pd.DataFrame) -> Table:
    """Per published list, how many of its heads are among the best here."""
    rows = []
    for (model, name), of_list in known.groupby(["model", "list"], sort=False):
        first = of_list.iloc[0]
        n_listed = len(of_list.drop_duplicates(["layer", "head"]))
        chance = n_listed * first["k"] / first["n_heads_measured"]
        by_method = (of_list[of_list["method"] == method] for method in METHODS)
        cells = [_found_cell(here, n_listed, chance) for here in by_method]
        rows.append((model_cell(model), text_cell(name, first["source"]), *cells))
    k = known["k"].max()
    names = ["model", "published list", *(look.label for look in METHODS.values())]
    caption = (
        f"Known retrieval heads: how many of a published list are among the {k} best heads here, on"
        f" average over the questions and lengths that the model answers. {_RETEST}"
    )
    return Table(names, rows, caption)


def _found_cell(rows: pd.DataFrame, n_listed: int, chance: float) -> Cell:
    scored = rows[rows["in_top_k"].notna()]
    if scored.empty:
        return Cell(MISSING, "no scores", numeric=True)
    among = scored["in_top_k"].astype(int).groupby([scored[name] for name in _ASKED]).sum()
    note = f"by chance {number(chance, 1)}"
    return Cell(f"{number(float(among.mean()), 1)} of {n_listed}", note, numeric=True)


def _known_table(model: str, known: pd.DataFrame) -> Table:
    rows = []
    keys = ["list", "layer", "head"]
    for (name, layer, head), of_head in known.groupby(keys, sort=False):
        first = of_head.iloc[0]
        cells = [_place_cell(of_head[of_head["method"] == method]) for method in METHODS]
        rows.append(
            (
                text_cell(head_name(layer, head)),
                text_cell(name),
                count_cell(first["published_rank"]),
                number_cell(first["published_score"], 3),
                *cells,
            )
        )
    names = ["head", "published list", "published rank", "published score"]
    names += [look.label for look in METHODS.values()]
    first = known.iloc[0]
    caption = (
        f"Published retrieval heads of {model}: median rank here among"
        f" {first['n_heads_measured']:,} heads, mean score, and in how many of the answered"
        f" questions × lengths a head is among the best {first['k']}. {_RETEST}"
    )
    return Table(names, rows, caption, folded=True)


def _place_cell(rows: pd.DataFrame) -> Cell:
    if (rows["verdict"] == "outside the shape").all():
        return Cell("", flag="no such head", numeric=True)
    scored = rows[rows["score"].notna()]
    if scored.empty:
        return Cell(MISSING, "no score", numeric=True)
    among = int(scored["in_top_k"].astype(bool).sum())
    mean = float(scored["score"].mean())
    note = f"{number(mean, digits_of(abs(mean)))}\n{among} of {len(scored)}"
    return Cell(number(scored["rank"].median(), 0), note, numeric=True)


def _counts_table(counts: pd.DataFrame) -> Table:
    models = list(dict.fromkeys(counts["model"]))
    found = counts.set_index(["counted", "model"])["number"]
    rows = [
        (text_cell(_words(str(name))), *(count_cell(found.get((name, model))) for model in models))
        for name in dict.fromkeys(counts.loc[counts["number"] > 0, "counted"])
    ]
    caption = "Filings that could be asked about, and what was left out; what is not there is 0."
    return Table(["counted", *models], rows, caption, folded=True)


def _words(name: str) -> str:
    """A name of a count as words: ``filings without text``."""
    return name.replace("_", " ")


CHAPTER = Chapter(
    anchor="detection",
    title="Which heads read the document?",
    pipeline="retrieval_detect",
    tables=("head_rankings",),
    also=("known_retrieval_heads", "question_counts"),
    tell=_tell,
    of_own_models=True,
)
