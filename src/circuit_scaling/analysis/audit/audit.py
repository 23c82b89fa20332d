"""From the tables that are there to a verdict on every published finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from circuit_scaling.analysis.audit.compared import Compared, methods_in, named_in
from circuit_scaling.analysis.audit.evidence import ACCURACIES, HEADS, RANKINGS, Evidence
from circuit_scaling.analysis.audit.judgement import Judgement, judge
from circuit_scaling.analysis.audit.measures import MEASURES
from circuit_scaling.analysis.audit.measures.registry import Measure
from circuit_scaling.analysis.audit.published import ANY, Finding, all_checkpoints
from circuit_scaling.analysis.audit.results import NAMED, Seen, Unknown, Value, Verdicts, together
from circuit_scaling.analysis.audit.suspicion import is_imported, suspicion
from circuit_scaling.commands import command_in, run_command
from circuit_scaling.tables.audit import NOT_COMPARABLE, NOT_RUN, PUBLISHED_AUDIT
from circuit_scaling.tables.made_with import made_with

_ENVIRONMENTS = {"circuit scaling": "pretrained", "retrieval heads": "retrieval"}
_WITH_A_MODEL = frozenset({"ablation_summary", "causal_summary"})
_AFTERWARDS = ("audit", "report")


class _Line(NamedTuple):
    """What the audit says of a finding."""

    judgement: Judgement
    models: Sequence[str] = ()
    result: Value | Seen | Unknown = Unknown("")
    command: str = ""


def audit(
    findings: Iterable[Finding], evidence: Evidence, makers: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """``published_audit``: a row for every finding, in their order.

    Args:
        makers: table -> the pipelines that make it, in the order in which they run.
    """
    rows = [_row(finding, _line(finding, evidence, makers)) for finding in findings]
    return PUBLISHED_AUDIT.typed(pd.DataFrame(rows))


def _line(finding: Finding, evidence: Evidence, makers: Mapping[str, Sequence[str]]) -> _Line:
    measure = MEASURES[finding.measure]
    if not measure.needs:
        return _judged(finding, evidence, measure, ())
    found = _models(finding, evidence, measure)
    if isinstance(found, _Line):
        return found
    absent = [name for name in measure.needs if name not in evidence.tables]
    if absent:
        why = f"there is no {' and no '.join(absent)}"
        return _Line(Judgement(NOT_RUN, why), command=_command(finding, evidence, absent, makers))
    other = _another_definition(finding, evidence, measure, found)
    if other:
        return _Line(Judgement(NOT_COMPARABLE, other))
    return _judged(finding, evidence, measure, found)


def _command(
    finding: Finding,
    evidence: Evidence,
    absent: Sequence[str],
    makers: Mapping[str, Sequence[str]],
) -> str:
    """What makes the tables that are not there; of imported heads no model can be run."""
    if not _WITH_A_MODEL.isdisjoint(absent) and evidence.imported(HEADS):
        return command_in(_ENVIRONMENTS[finding.study])
    steps = dict.fromkeys(step for name in absent for step in makers.get(name, ()))
    return run_command([*steps, *_AFTERWARDS])


def _models(finding: Finding, evidence: Evidence, measure: Measure) -> list[str] | _Line:
    """The models here that a finding is judged on, or that it was not run."""
    tables = (HEADS,) if measure.tasks else (measure.rests_on or (RANKINGS, ACCURACIES))
    models = list(dict.fromkeys(model for table in tables for model in evidence.models(table)))
    command = command_in(_ENVIRONMENTS[finding.study])
    if finding.checkpoints == ANY:
        unable = {model for model, _ in evidence.incompetent(models, measure.tasks)}
        able = [model for model in models if model not in unable]
        if able:
            return able
        why = "no model here is competent" if models else "no model was measured"
        return _Line(Judgement(NOT_RUN, why), command=command)
    by_checkpoint = evidence.by_checkpoint(tables, finding.checkpoints)
    missing = [name for name in finding.checkpoints if name not in by_checkpoint]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        why = f"{_named(missing)} {verb} not among the models here"
        return _Line(Judgement(NOT_RUN, why), command=command)
    if measure.rests_on:
        there = Compared(evidence, measure.rests_on).methods
        absent = [name for name in methods_in(finding.arguments) if name not in there]
        if absent:
            why = f"the tables have no {' and no '.join(absent)}"
            return _Line(Judgement(NOT_RUN, why), command=command)
    return [by_checkpoint[name] for name in finding.checkpoints]


def _another_definition(
    finding: Finding, evidence: Evidence, measure: Measure, models: Sequence[str]
) -> str:
    """Why what can be measured here is not what the finding is about; "" where it is.

    A claim about models in general is not about certain numbers of heads either.
    """
    if finding.checkpoints == ANY:
        return ""
    settings = made_with(evidence.tables[measure.needs[0]])
    for name, value in measure.made_with.items():
        if settings.get(name, value) != value:
            return f"it was made with {name} = {settings[name]}, in the study {value}"
    unable = evidence.incompetent(models, measure.tasks)
    if unable:
        return ", ".join(f"{model} is not competent on {task}" for model, task in unable)
    tables = [name for name in measure.rests_on if name in evidence.tables]
    if tables:
        return Compared(evidence, tables).differs(named_in(finding.arguments))
    return ""


def _judged(finding: Finding, evidence: Evidence, measure: Measure, models: Sequence[str]) -> _Line:
    found = measure(evidence, models, finding.arguments)
    in_general = finding.checkpoints == ANY
    result = together(found, in_general=in_general) if isinstance(found, Verdicts) else found
    if isinstance(result, Value):
        result = (
            Unknown("it is not defined here")
            if np.isnan(result.value)
            else result.times(100 if finding.unit == "%" else 1)
        )
    judgement = judge(
        finding,
        result,
        imported=is_imported(evidence, measure),
        suspect=suspicion(evidence, finding, measure, models),
    )
    if in_general and models:
        judgement = judgement._replace(why=_of_which_models(judgement.why, evidence, models))
    return _Line(judgement, models, result)


def _of_which_models(why: str, evidence: Evidence, models: Sequence[str]) -> str:
    """The reason, with the models that a claim about models in general was judged on."""
    tables = (HEADS, RANKINGS, ACCURACIES)
    of_study = set(evidence.by_checkpoint(tables, all_checkpoints()).values()) & set(models)
    which = "all" if len(of_study) == len(models) else len(of_study) or "none"
    told = f"judged on {_named(models)} ({which} of them from the studies)"
    return f"{why}; {told}" if why else told


def _named(models: Sequence[str]) -> str:
    """The first few models, by what follows the organisation in a hub id, and how many more."""
    names = [model.rpartition("/")[2] for model in models]
    more = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
    first = names[:NAMED] + more
    return " and ".join([", ".join(first[:-1]), first[-1]] if len(first) > 1 else first)


def _row(finding: Finding, line: _Line) -> dict[str, Any]:
    value = line.result if isinstance(line.result, Value) else Value(np.nan)
    checkpoints = finding.checkpoints
    return {
        "study": finding.study,
        "id": finding.id,
        "source": "; ".join(finding.sources),
        "claim": finding.claim,
        "published": finding.published or "",
        "unit": finding.unit,
        "definition": finding.definition,
        "measure": finding.measure,
        "checkpoints": checkpoints if checkpoints == ANY else ", ".join(checkpoints),
        "models": ", ".join(line.models),
        "measured": value.value,
        "low": value.low,
        "high": value.high,
        "nothing": np.nan if value.nothing is None else value.nothing,
        "found": "" if isinstance(line.result, Unknown) else line.result.words,
        "outcome": line.judgement.outcome,
        "reason": line.judgement.why,
        "command": line.command,
    }
