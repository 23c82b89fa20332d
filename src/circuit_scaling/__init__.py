"""Which attention heads do which job, in every model, at every scale, and how sure are we?"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from circuit_scaling.errors import IncompetentModelWarning

_LOGGING = "KEDRO_LOGGING_CONFIG"

# Bars of other libraries are switched off; in a notebook tqdm says all the same what they lack.
warnings.filterwarnings("ignore", message="IProgress not found")

# What these functions do is imported inside them: torch and transformers take seconds, and the
# command line imports this package.

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from circuit_scaling.measuring.shared.asked_tasks import AskedTask

__version__ = "0.2.0"
__all__ = [
    "IncompetentModelWarning",
    "ablate",
    "attention",
    "classify",
    "load",
    "phase_space",
    "prompts_of",
    "scan",
]


def scan(  # noqa: PLR0913 - called with what is wanted, by name
    model: str | Path | PreTrainedModel,
    task: AskedTask | Sequence[AskedTask] = "ioi",
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    ablation: str = "zero",
    positions: str = "all",
    n_prompts: int = 400,
    bos: bool | Literal["auto"] = "auto",
    method: str = "exact",
    tau: float = 0.05,
    untrained: bool = False,
) -> pd.DataFrame:
    """Ablate every head of a model on one task or several, from Python and without Kedro.

    Args:
        model: a hub id, a local folder, a GGUF file, or a Hugging Face causal language model (then
            with its ``tokenizer``).
        task: a shipped task: ioi, anti_names, anti_names_first, anti_lists, induction, ioi_abc,
            plain_text; a file of prompts of your own, ``"prompts.csv"`` or ``.parquet``, or what an
            entry of the parameters says of it, ``{"file": "prompts.csv", "columns": {...}}``
            (``docs/how_to/your_task.md``); or a list of them, for which the model is opened once.
        ablation, positions: ``zero``, ``mean`` or ``resample``; ``all`` or ``end``.
        n_prompts: a multiple of 40; of a file, so many rows at most.
        bos: whether prompts begin with the BOS token; ``auto`` is what the checkpoint was trained
            with, found from its tokenizer.
        method: ``exact``; ``settled``, where every head is ablated on as many of the prompts as
            tell it from ``tau``, and no more; or ``attribution``, a first-order estimate from one
            backward pass.
        tau: logits; of the method ``settled``.
        untrained: whether a model that predicts plain text no better than word counts is taken.

    Returns:
        A row per head: layer, head and, by method,

        - ``exact``: delta (change of the metric when the head is ablated; negative: the head
          helps), se, low and high (95 %), p, q, and effects (the change on every prompt);
          :func:`prompts_of` has the prompts;
        - ``settled``: the same, with n_prompts (that the head was ablated on) and settled (whether
          it was told from tau); delta is corrected by attribution scores on all prompts, intervals
          and p hold over all looks, and effects are NaN where a head was not ablated;
        - ``attribution``: delta_attribution and scores (the estimates of delta and of effects).
          They are under names of their own and have no se, interval, p or q, because they are
          approximations and not measured effects.

        The metric is in logits, answer minus distractor, where the task has an answer. q is
        Benjamini-Hochberg over the heads on one task.

        ``attrs`` of the table has what the model does before anything is ablated: ``bos`` (whether
        prompts began with it) and, where the task has an answer, ``clean_metric``, ``accuracy`` and
        ``competent`` (None where there are too few clusters to know).

        Of several tasks, the tables lie one below the other behind a column ``task``, and each of
        the last three attributes is a dictionary by task.

    Warns:
        IncompetentModelWarning: the model does not do the task, so that no head has a job in it.

    Raises:
        CircuitScalingError: unknown task, ablation or method, a file that holds no prompts, a task
            without a contrast for ``attribution`` or ``settled``, a model that cannot be taken, or
            one to which text is noise.
    """
    from circuit_scaling.measuring.scan.quick import quick_scan
    from circuit_scaling.measuring.shared.unlisted import Unlisted

    asked = Unlisted(model, tokenizer, bos, untrained)
    return quick_scan(asked, task, (ablation, positions), n_prompts, method, tau)


def prompts_of(
    model: str | Path | PreTrainedModel,
    task: AskedTask = "ioi",
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    n_prompts: int = 400,
    bos: bool | Literal["auto"] = "auto",
    untrained: bool = False,
) -> pd.DataFrame:
    """The prompts of a task as a model reads them, in the order of the ``effects`` of :func:`scan`.

    Args:
        model, task, tokenizer, n_prompts, bos, untrained: as for :func:`scan`; the same ones give
            the same prompts.

    Returns:
        A row per prompt: text (which ends right before the answer), template, order (of the names),
        cluster (prompts of the same names, which are no independent observations), split (select or
        test), answer and distractor (empty where the task has none).

    Raises:
        CircuitScalingError: unknown task, a file that holds no prompts, or a model that cannot be
            taken.
    """
    from circuit_scaling.measuring.shared.unlisted import Unlisted, quick_prompts

    return quick_prompts(Unlisted(model, tokenizer, bos, untrained), task, n_prompts)


def classify(  # noqa: PLR0913 - called with what is wanted, by name
    model: str | Path | PreTrainedModel,
    *,
    tau: float = 0.05,
    tokenizer: PreTrainedTokenizerBase | None = None,
    ablation: str = "zero",
    positions: str = "all",
    n_prompts: int = 400,
    bos: bool | Literal["auto"] = "auto",
    untrained: bool = False,
) -> pd.DataFrame:
    """Sort the heads of a model into categories, by their effects on IOI and anti-repetition.

    The code is that of the pipelines ``scan``, ``join`` and ``classify``, and so is the table:
    figures and analyses of classified heads take it, and those of several models together after
    ``pandas.concat``. The categories are defined in ``docs/method.md``.

    Args:
        model: as for :func:`scan`.
        tau: logits; a head is strong on a task from an absolute effect of tau on.
        tokenizer, ablation, positions, n_prompts, bos, untrained: as for :func:`scan`.

    Returns:
        ``classified_heads``, a row per head: layer and head; for both tasks ``delta_<task>`` with
        se, low, high and q (over the heads on both tasks together); ``category`` (ioi_only,
        anti_only, shared, weak), ``category_stability`` (share of 1,000 bootstrap draws over
        clusters with the same category), ``resolved`` (no interval straddles tau or -tau);
        ``category_select`` and ``strength_select`` of half the prompts, for whoever goes on to
        measure chosen heads on the other; profiles; and whether the model does the tasks.
        ``model`` is the last part of its name, ``family`` the type that its configuration says,
        ``params_m`` its weights in millions. There is no ``fingerprint``: no run made the table.

    Warns:
        IncompetentModelWarning: the model does not do one of the tasks.

    Raises:
        CircuitScalingError: tau is not above 0, unknown ablation or positions, a model that cannot
            be taken, or one to which text is noise.
    """
    from circuit_scaling.analysis.classify.quick import quick_classify
    from circuit_scaling.measuring.shared.unlisted import Unlisted

    asked = Unlisted(model, tokenizer, bos, untrained)
    return quick_classify(asked, (ablation, positions), n_prompts, tau)


def phase_space(heads: pd.DataFrame, tau: float | None = None) -> Figure:
    """Draw every head by its effect on IOI (x) and on anti-repetition (y), as the report does.

    Args:
        heads: classified heads of one model, which are drawn with their intervals, or of several.
        tau: the threshold that the heads were classified with; by default what the table says.

    Raises:
        CircuitScalingError: the table has no categories, or does not say its threshold.
    """
    from circuit_scaling.analysis.classify.space import phase_space_of

    return phase_space_of(heads, tau)


def ablate(  # noqa: PLR0913 - called with what is wanted, by name
    model: str | Path | PreTrainedModel,
    sets: Mapping[str, pd.DataFrame | Sequence[tuple[int, int]]],
    task: AskedTask = "ioi",
    *,
    split: Literal["test", "all"] = "test",
    tokenizer: PreTrainedTokenizerBase | None = None,
    ablation: str = "zero",
    positions: str = "all",
    n_prompts: int = 400,
    bos: bool | Literal["auto"] = "auto",
    untrained: bool = False,
) -> pd.DataFrame:
    """Ablate sets of heads, each set together, and see what is left of a task.

    Args:
        model: as for :func:`scan`.
        sets: heads by the name of their set, as a table with the columns ``layer`` and ``head`` or
            as pairs: ``{"strongest": heads.nlargest(3, "strength_select"), "one": [(3, 1)]}``.
        task: as for :func:`scan`.
        split: prompts that are asked: those that have no part in ``category_select`` and
            ``strength_select`` of :func:`classify`, or all. Heads that were chosen on the prompts
            that they are then measured on look stronger than they are.
        tokenizer, ablation, positions, n_prompts, bos, untrained: as for :func:`scan`.

    Returns:
        A row per set: set, n_heads, delta (change of the metric in logits when all its heads are
        ablated; negative: they help), se, low and high (95 %), p; clean_metric and metric (left
        after ablation); clean_accuracy and accuracy (share of prompts on which the answer is
        likelier than the distractor; missing where the task has no answer); effects (the change on
        every prompt).

    Raises:
        CircuitScalingError: no set, a head that the model does not have, heads of several models,
            unknown task, split, ablation or positions, or a model that cannot be taken.
    """
    from circuit_scaling.measuring.ablation.quick import quick_ablate
    from circuit_scaling.measuring.shared.unlisted import Unlisted

    asked = Unlisted(model, tokenizer, bos, untrained)
    return quick_ablate(asked, sets, task, (ablation, positions), n_prompts, split)


def attention(
    model: str | Path | PreTrainedModel,
    head: tuple[int, int],
    text: str,
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    bos: bool | Literal["auto"] = "auto",
    untrained: bool = False,
) -> pd.DataFrame:
    """Where a head looks on a text: its pattern, as the model's own attention computes it.

    Args:
        model: as for :func:`scan`.
        head: layer and head, from 0.
        text: what the model reads; BOS is put before it as ``bos`` says.
        tokenizer, bos, untrained: as for :func:`scan`.

    Returns:
        A row per token that looks and a column per token that is looked at, named by their text;
        shares of attention, float32, which sum to 1 in every row.

    Raises:
        CircuitScalingError: a head that the model does not have, a text without tokens or longer
            than the model can read, or a model that cannot be taken.
    """
    from circuit_scaling.measuring.causal.quick import quick_attention
    from circuit_scaling.measuring.shared.unlisted import Unlisted

    return quick_attention(Unlisted(model, tokenizer, bos, untrained), head, text)


def load(table: str, *, project: str | Path | None = None, env: str | None = None) -> pd.DataFrame:
    """A table of the last run, checked against its schema, from any folder.

    Args:
        table: its name in the catalogue, such as ``classified_heads``; of one model
            ``head_effects__<slug>``.
        project: a folder in the project; by default the working directory.
        env: the environment of the run, as in ``kedro run --env``.

    Raises:
        CircuitScalingError: no project is there, the catalogue has no such table, or no run has
            made it; the message says what there is, or which command makes it.
    """
    with _quiet():
        from circuit_scaling.session import load_table

        return load_table(table, None if project is None else Path(project), env)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Kedro from saying what it reads, and from taking over what a notebook shows.

    It reads its configuration of logging when it is first imported; a choice of the user stays.
    """
    disabled, config = logging.root.manager.disable, os.environ.get(_LOGGING)
    logging.disable(logging.INFO)
    os.environ.setdefault(_LOGGING, str(Path(__file__).with_name("quiet_logging.yml")))
    try:
        yield
    finally:
        logging.disable(disabled)
        if config is None:
            del os.environ[_LOGGING]
