"""``retrieval_findings.md``: which heads read documents, by which method, and what they carry."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from circuit_scaling.figures.style import METHODS
from circuit_scaling.report.blocks import rows_of, share
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.first_screen import about_documents
from circuit_scaling.report.found import Finding, found_about_retrieval, retrieval
from circuit_scaling.report.notes.compared import (
    Compared,
    apart,
    compared_finding,
    fall,
    highest_and_lowest,
    length_words,
    percent,
)
from circuit_scaling.report.notes.markdown import (
    bullets,
    document,
    labelled,
    plain,
    table,
    table_link,
    use,
)
from circuit_scaling.report.notes.retrieval_figures import FIGURES
from circuit_scaling.report.notes.retrieval_questions import (
    kinds_have_heads_of_their_own,
    kinds_lose_unequally,
    questions,
    questions_have_layers,
    questions_lose_unequally,
)
from circuit_scaling.report.notes.retrieval_rankings import (
    heads_have_questions,
    methods_have_layers,
    one_method_has_leaders,
    rankings,
    something_changes_heads_most,
    tuning_moves_heads,
)
from circuit_scaling.report.notes.words import not_run, shown_and_open, told
from circuit_scaling.vocabulary import counted

TABLES = (
    *("retrieval_findings", "absent_findings", "retrieval_checks", "head_rankings"),
    *("ablation_results", "import_retrieval_checks"),
)
_NAMED = 3  # of the heads that a method finds most often
_MEASURE = {
    "summed_attention": "how much the last token attends to the document",
    "wu24": "how often a head looks at the very token that is being copied",
    "qrhead": "how much the question attends to the document beyond what an empty query does",
}


def write(context: ReportContext) -> str:
    """The note: summary, questions, rankings, methods, models, lengths, conclusions, figures."""
    title = "# Findings about retrieval heads"
    lacking = not_run(context, "retrieval_findings", "absent_findings", "retrieval_checks")
    if not lacking and context.tables["retrieval_findings"].empty:
        lacking = "Nothing could be compared."
    opening = map(plain, about_documents(context))
    if lacking:
        return document(title, *opening, lacking)
    compared = Compared.of(context)
    return document(
        title,
        *opening,
        *_summary(context, compared),
        questions(compared),
        rankings(context, compared),
        *_methods(compared),
        *_models(compared),
        *_lengths(compared),
        *_conclusions(context, compared),
        *_absent(context),
        *_figures(),
    )


def _summary(context: ReportContext, compared: Compared) -> Iterator[str]:
    yield "## Summary"
    if compared.elsewhere:
        yield (
            "The tables were imported and have no samples, so that there are no intervals and"
            " nothing can be shown; numbers are as the tables give them."
        )
    suspect = context.tables["retrieval_checks"].query("outcome == 'suspect'")
    if len(suspect):
        lines = [plain(f"{row.where or row.table}: {row.detail}") for row in rows_of(suspect)]
        yield labelled("**The tables do not look right**; what rests on this is no result:", lines)
    core = (retrieval.answers_need_the_heads(context), retrieval.methods_agree(context))
    yield bullets(filter(None, map(told, core))) or "Neither rankings nor accuracies say more."


def models_lose_unequally(compared: Compared) -> Finding | None:
    """Whether, with the most heads masked, one model loses more answers than another."""
    rows = compared.most_masked("drop_at_k_by_model")
    ends = highest_and_lowest(rows)
    if ends is None:
        return None
    high, low = ends
    claim = f"{high.model} loses more answers than {low.model}." if apart(high, low) else None
    return compared_finding(claim, "that one model loses more answers than another", "", rows)


def lengths_lose_unequally(compared: Compared) -> Finding | None:
    """Whether, with the most heads masked, more answers are lost at one length than at another."""
    rows = compared.most_masked("drop_at_k_by_length")
    ends = highest_and_lowest(rows)
    if ends is None:
        return None
    high, low = (length_words(row.token_length) for row in ends)
    claim = f"More answers are lost at {high} than at {low}." if apart(*ends) else None
    otherwise = "that more answers are lost at one length than at another"
    return compared_finding(claim, otherwise, "", rows)


_FOUND: tuple[Callable[[Compared], Finding | None], ...] = (
    questions_lose_unequally,
    kinds_have_heads_of_their_own,
    kinds_lose_unequally,
    questions_have_layers,
    methods_have_layers,
    heads_have_questions,
    tuning_moves_heads,
    one_method_has_leaders,
    something_changes_heads_most,
    models_lose_unequally,
    lengths_lose_unequally,
)


def _methods(compared: Compared) -> Iterator[str]:
    yield "## Methods compared"
    known = [name for name in compared.methods if name in METHODS]
    if known:
        yield bullets(f"**{compared.methods[name]}**: {_MEASURE[name]}" for name in known)
    yield from _agreement(compared)
    yield from _universal(compared)
    yield from _masked(compared)


def _agreement(compared: Compared) -> Iterator[str]:
    rows = compared.rows("method_pair_jaccard_of_unions")
    chance = {(row.method, row.other): row for row in compared.rows("method_pair_chance")}
    seen: set[frozenset[str]] = set()
    lines = []
    for row in rows:
        pair = frozenset((row.method, row.other))
        if pair not in seen and {row.method, row.other} <= set(compared.methods):
            seen.add(pair)
            names = f"{compared.methods[row.method]} ↔ {compared.methods[row.other]}"
            lines.append((names, percent(row), percent(chance.get((row.method, row.other)))))
    if lines:
        yield "### Do the methods agree?"
        yield "All heads that a method has among its best, for any model, question and length:"
        yield table(["methods", "overlap (Jaccard)", "of random heads"], lines)
        yield use(["method_head_overlap", "method_unique_heads"])


def _universal(compared: Compared) -> Iterator[str]:
    shares = compared.frame("universal_share")
    if shares.empty:
        return
    chance = {row.method: row.value for row in compared.rows("universal_share_chance")}
    lines = []
    for name, label in compared.methods.items():
        of_method = shares[(shares["method"] == name) & (shares["value"] > 0)]
        most = of_method.sort_values("value", ascending=False, kind="stable").head(_NAMED)
        named = [f"{row.head} {percent(row)}" for row in rows_of(most)]
        lines.append((label, ", ".join(named), share(chance.get(name))))
    yield "### Heads that a method finds most often"
    yield f"In which share of its rankings a head is among the {compared.best}:"
    yield table(["method", "heads", "any head by chance"], lines)
    yield use(["universal_heads_by_method"])


def _masked(compared: Compared) -> Iterator[str]:
    best = {row.method: row for row in compared.most_masked("drop_at_k_by_method")}
    if not best:
        return
    random = {row.method: row for row in compared.most_masked("random_drop_at_k_by_method")}
    beyond = {row.method: row for row in compared.most_masked("drop_beyond_random_at_k")}
    k = next(iter(best.values())).k
    yield "### What masking costs"
    heads = [f"fall, {counted(k, 'best head')} masked", "as many random ones", "beyond random"]
    yield "Fall of the share of right answers, in percentage points:"
    yield table(
        ["method", *heads],
        [
            (label, *(fall(of.get(name)) for of in (best, random, beyond)))
            for name, label in compared.methods.items()
            if name in best
        ],
    )
    yield use(["figure8_option_a_by_question", "figure8_option_b_by_method"])


def _models(compared: Compared) -> Iterator[str]:
    rows = compared.most_masked("drop_at_k_by_model")
    relative = {row.model: row for row in compared.most_masked("relative_drop_at_k_by_model")}
    if not rows:
        return
    yield "## Models compared"
    yield table(
        ["model", f"fall in points, {counted(rows[0].k, 'head')} masked", "of what could fall"],
        [(plain(row.model), fall(row), percent(relative.get(row.model))) for row in rows],
    )
    yield from filter(None, [told(models_lose_unequally(compared))])
    yield use(["model_comparison"])


def _lengths(compared: Compared) -> Iterator[str]:
    rows = compared.most_masked("drop_at_k_by_length")
    relative = {
        row.token_length: row for row in compared.most_masked("relative_drop_at_k_by_length")
    }
    if not rows:
        return
    yield "## Length of the context"
    yield table(
        ["length", f"fall in points, {counted(rows[0].k, 'head')} masked", "of what could fall"],
        [
            (length_words(row.token_length), fall(row), percent(relative.get(row.token_length)))
            for row in rows
        ],
    )
    yield from filter(None, [told(lengths_lose_unequally(compared))])
    yield use(["token_length_effect"])


def _conclusions(context: ReportContext, compared: Compared) -> Iterator[str]:
    """Everything that was asked: what was shown, and what was not."""
    found = [*found_about_retrieval(context), *filter(None, (tell(compared) for tell in _FOUND))]
    if not found:
        return
    yield "## Conclusions"
    yield from shown_and_open(found)


def _absent(context: ReportContext) -> Iterator[str]:
    absent = context.tables["absent_findings"]
    if absent.empty:
        return
    whole = absent[~absent["finding"].isin(context.tables["retrieval_findings"]["finding"])]
    reasons: dict[str, list[str]] = {}
    for row in rows_of(whole.drop_duplicates("finding")):
        reasons.setdefault(str(row.reason), []).append(f"`{row.finding}`")
    if reasons:
        yield "## What could not be computed"
        yield bullets(f"{', '.join(names)}: {plain(why)}" for why, names in reasons.items())


def _figures() -> Iterator[str]:
    yield "## All figures of the comparison"
    for title, figures in FIGURES.items():
        yield f"### {title}"
        yield table(
            ["figure", "what it shows"],
            [
                (f"[`{name}`](../figures/{name}.png)", description)
                for name, description in figures.items()
            ],
        )
    yield f"Every finding with its interval: {table_link('retrieval_findings')}."
