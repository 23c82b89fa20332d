"""``circuit_scaling.classify``: the categories of one model's heads, measured here and now."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.classify.categories import classify_heads
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.join.heads import join_model
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.measuring.scan.profiles import profiles_of
from circuit_scaling.measuring.scan.quick import measurements, settings_of, warn_of_incompetence
from circuit_scaling.measuring.shared.asked_tasks import asked_tasks
from circuit_scaling.measuring.shared.unlisted import Unlisted, opened_unlisted
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.tables.classify import CLASSIFIED_HEADS
from circuit_scaling.tables.made_with import set_made_with
from circuit_scaling.vocabulary import STUDY_TASKS

_DRAWS = 1000


def quick_classify(
    asked: Unlisted, kind: tuple[str, str], n_prompts: int, tau: float
) -> pd.DataFrame:
    """See :func:`circuit_scaling.classify`."""
    if not tau > 0:
        raise CircuitScalingError(f"tau must be above 0, not {tau}: every head would be strong.")
    rules = ClassifySettings(tau=tau, taus=(tau,), top_k=1, n_boot=_DRAWS)
    settings = settings_of(kind)
    tasks = asked_tasks(STUDY_TASKS)
    with opened_unlisted(asked, tasks.built, n_prompts) as model:
        measured = measurements(model, tasks.specs, settings)
        can = {task: of_task.competence() for task, of_task in measured.items()}
        effects = pd.concat([rows for m in measured.values() for rows in m.head_effects()])
        profiles = profiles_of(model.anatomy, model.prompts, settings.seed)
    of_model = {"family": model.family, "model": model.name}
    joined = join_model(
        model.params_m,
        settings,
        model.prompts,
        effects.assign(**of_model, q=q_values(effects["p"].to_numpy()), fingerprint=""),
        profiles.assign(**of_model, n_layers=model.anatomy.n_layers, n_heads=model.anatomy.n_heads),
    )
    competence = pd.DataFrame(can.values()).assign(**of_model).astype({"competent": "boolean"})
    heads, _ = classify_heads(joined.joint_heads, joined.joint_effects, competence, rules)
    set_made_with(heads, {"classify.tau": tau})
    warn_of_incompetence(can, model.bos)
    return CLASSIFIED_HEADS.validate(heads)
