"""All findings, in the order in which a reader wants them, and how far to trust them."""

from __future__ import annotations

from circuit_scaling.report.blocks import listed
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.found import circuits, retrieval
from circuit_scaling.report.found.finding import Finding
from circuit_scaling.tables.audit import OUTCOMES
from circuit_scaling.vocabulary import counted

FIRST_SCREEN = 8  # sentences that can be read in a minute
_OF_RETRIEVAL = 2  # of these, where both studies have something to say

_CIRCUITS = (
    circuits.single_heads_matter,
    circuits.tasks_share_heads,
    circuits.sharing_changes_with_size,
    circuits.heroes_matter_together,
    circuits.shared_heads_do_both,
    circuits.index_carries_over,
    circuits.function_carries_over,
    circuits.strong_heads_change_with_size,
)
_RETRIEVAL = (
    retrieval.methods_agree,
    retrieval.answers_need_the_heads,
    retrieval.heads_of_every_method,
    retrieval.tuning_keeps_heads,
)


def found_about_circuits(context: ReportContext) -> list[Finding]:
    """Every finding about heads and tasks whose tables are there, the first ones first."""
    return [found for tell in _CIRCUITS if (found := tell(context))]


def found_about_retrieval(context: ReportContext) -> list[Finding]:
    """Every finding about heads that read documents whose tables are there."""
    return [found for tell in _RETRIEVAL if (found := tell(context))]


def what_was_found(context: ReportContext) -> list[Finding]:
    """What the page begins with: at most :data:`FIRST_SCREEN` findings, of both studies."""
    heads, documents = found_about_circuits(context), found_about_retrieval(context)
    if heads:
        documents = documents[: max(_OF_RETRIEVAL, FIRST_SCREEN - len(heads))]
    return [*heads[: FIRST_SCREEN - len(documents)], *documents]


def caveats(context: ReportContext) -> list[str]:
    """How sure the findings are, and what is suspect in the tables beneath them."""
    suspect = context.suspect_models
    told = circuits.uncertainty(context)
    if suspect:
        names = sorted(suspect)
        told.append(
            f"Suspect heads are counted in {', '.join(names)}: what rests on them is no result."
        )
    checks = context.tables.get("retrieval_checks")
    if checks is not None and (checks["outcome"] == "suspect").any():
        number_of = int((checks["outcome"] == "suspect").sum())
        told.append(
            "The tables of retrieval heads do not look right"
            f" ({counted(number_of, 'suspicion')}, listed in the chapter of the comparison)."
        )
    return [*told, *_published(context)]


def _published(context: ReportContext) -> list[str]:
    """What became of the numbers and claims that were published about certain checkpoints."""
    audit = context.tables.get("published_audit")
    if audit is None:
        return []
    about = audit[audit["checkpoints"] != "any"]
    counts = about["outcome"].value_counts()
    parts = [f"{counts[outcome]:,} {outcome}" for outcome in OUTCOMES if outcome in counts]
    return [
        f"{counted(len(about), 'number')} and claims that were published about certain checkpoints"
        f" stand beside what is measured here: {listed(parts)}."
    ]
