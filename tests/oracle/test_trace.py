"""One embedded model traced: plain hooks as the oracle, closed forms, nothing filled."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.replay.pairs import Head
from circuit_scaling.measuring.causal.heroes import Subjects
from circuit_scaling.measuring.causal.settings import Corruptions
from circuit_scaling.measuring.causal.trace import TracingTables, runs_of, trace_model
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.measuring.shared import opened
from circuit_scaling.measuring.shared.progress import Progress
from circuit_scaling.models.loading import load_model, load_tokenizer
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from circuit_scaling.tables.causal import ROLES
from circuit_scaling.tables.columns import PROFILE_COLUMNS
from circuit_scaling.tables.registry import ALL_TABLES
from tests.conftest import PROJECT
from tests.helpers.causal_tables import SETTINGS as TRACING

SLUG, LAYERS, HEADS = "mini_gpt2_s", 4, 12
ENTRY = RosterEntry(
    slug=SLUG,
    family="mini_gpt2",
    folder=str(PROJECT / "data" / "01_raw" / "zoo" / SLUG),
    params_m=0.5,
    n_layers=LAYERS,
    n_heads=HEADS,
)
SCAN = ScanSettings(
    primary=AblationKind(ablation="zero", positions="all"),
    ablations=(),
    positions=(),
    draws=1,
)
SETTINGS = TRACING.model_copy(update={"max_receivers": 5})
HEROES: tuple[Head, ...] = ((1, 2), (3, 1), (0, 6))
EVERY = [(layer, head) for layer in range(LAYERS) for head in range(HEADS)]
NAMED = {head: "shared" if head in HEROES else "weak" for head in EVERY}
SUBJECTS = Subjects(HEROES, HEROES, NAMED, dict.fromkeys(HEROES, "shared"))


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    return load_model(ENTRY)


@pytest.fixture(scope="module")
def prompts() -> pd.DataFrame:
    settings = PromptSettings(n_prompts=40)
    return build_prompts(shipped_tasks(), settings, load_tokenizer(ENTRY).tokenizer)[0]


@pytest.fixture(scope="module")
def told() -> list[float]:
    """What the progress of the traced model was told, head by head."""
    return []


@pytest.fixture(scope="module")
def traced(prompts: pd.DataFrame, told: list[float]) -> TracingTables:
    @contextmanager
    def heard(*_of: object) -> Iterator[Progress]:
        yield lambda _what, heads: told.append(heads)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opened, "scan_progress", heard)
        return trace_model(ENTRY, SCAN, SETTINGS, prompts, _profiles(), SUBJECTS, "ff", {})


def _profiles() -> pd.DataFrame:
    layer, head = np.array(EVERY).T
    scores = {name: np.linspace(0, 1, len(EVERY)) for name in PROFILE_COLUMNS}
    return pd.DataFrame({"layer": layer, "head": head, **scores})


def test_tables_pass_their_schemas_and_have_all_rows(traced: TracingTables) -> None:
    for name in ("causal_traces", "head_reads", "head_writes", "hero_pairs"):
        table = ALL_TABLES[name].validate(getattr(traced, name))
        assert set(table["fingerprint"]) == {"ff"}
    assert len(traced.causal_traces) == 3 * 2 * 2 * 2
    assert len(traced.head_reads) == 2 * len(EVERY)
    assert len(traced.hero_pairs) == 3 * 2 * 2
    paths = traced.head_writes[traced.head_writes["destination"] == "head"]
    assert paths.groupby(["layer", "task"]).size().to_dict() == {
        (layer, task): 5 for layer in (0, 1) for task in ("anti_names", "ioi")
    }


def test_the_log_says_what_was_counted_per_second(traced: TracingTables) -> None:
    (line,) = ALL_TABLES["causal_log"].validate(traced.causal_log).to_dict("records")
    assert (line["stage"], line["model"]) == ("causal", SLUG)
    assert line["counted"] == "patched runs and paths"
    assert line["per_second"] * line["seconds"] == pytest.approx(runs_of(SUBJECTS, pairs=True))
    assert line["peak_memory_mb"] > 0


def test_progress_ends_where_it_said(traced: TracingTables, told: list[float]) -> None:
    assert sum(told) == pytest.approx(runs_of(SUBJECTS, pairs=True))


@contextmanager
def _z_of(anatomy: Anatomy, head: Head, given: torch.Tensor | None) -> Iterator[list]:
    """Record z of a head, or put another in its place, where the output projection reads it."""
    layer, number = head
    width = anatomy.d_head
    at = slice(number * width, (number + 1) * width)
    seen: list[torch.Tensor] = []

    def hook(_module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
        z = args[0].clone()
        seen.append(z[..., at])
        if given is not None:
            z[..., at] = given
        return (z,)

    handle = anatomy.model.transformer.h[layer].attn.c_proj.register_forward_pre_hook(hook)
    try:
        yield seen
    finally:
        handle.remove()


@torch.no_grad()
def _oracle(anatomy: Anatomy, row: pd.Series, head: Head, direction: str) -> float:
    """Influence on one prompt by plain forward runs."""
    tokens = list(row["tokens"])
    answer, distractor = row["answer"][0], row["distractor"][0]
    last = max(place for place, token in enumerate(tokens) if token == distractor)
    corrupt = [*tokens[:last], answer, *tokens[last + 1 :]]
    if row["task"] == "anti_names":
        corrupt = [{answer: distractor, distractor: answer}.get(token, token) for token in tokens]
    base, source = (corrupt, tokens) if direction == "denoising" else (tokens, corrupt)

    def contrast(ids: list[int]) -> float:
        logits = anatomy.model(input_ids=torch.tensor([ids])).logits[0, -1]
        return float(logits[answer] - logits[distractor])

    with _z_of(anatomy, head, None) as seen:
        contrast(source)
    with _z_of(anatomy, head, seen[0]):
        patched = contrast(base)
    return patched - contrast(base)


@pytest.mark.parametrize("task", ["ioi", "anti_names"])
def test_influences_are_those_of_plain_hooks(
    traced: TracingTables, anatomy: Anatomy, prompts: pd.DataFrame, task: str
) -> None:
    rows = prompts[prompts["task"] == task].reset_index(drop=True)
    of_z = traced.causal_traces[traced.causal_traces["part"] == "z"]
    for trace in of_z[of_z["task"] == task].to_dict("records"):
        head = trace["layer"], trace["head"]
        assert len(trace["influences"]) == len(rows)
        for place in (0, 17, 39):
            expected = _oracle(anatomy, rows.loc[place], head, trace["direction"])
            assert trace["influences"][place] == pytest.approx(expected, abs=2e-4)
        assert trace["influence"] == pytest.approx(np.mean(trace["influences"]), abs=1e-5)


def test_normalised_is_a_ratio_of_means_positive_for_a_head_that_carries(
    traced: TracingTables,
) -> None:
    ioi = traced.causal_traces[traced.causal_traces["task"] == "ioi"]
    sign = np.where(ioi["direction"] == "denoising", 1, -1)
    expected = sign * ioi["influence"] / (ioi["m_clean"] - ioi["m_corrupt"])
    np.testing.assert_allclose(ioi["normalised"], expected, rtol=1e-5)
    of_z = ioi[(ioi["part"] == "z") & (ioi["layer"] == 1)].set_index("direction")
    assert (of_z["normalised_low"] > 0).all()
    assert of_z.loc["denoising", "influence"] > 0 > of_z.loc["noising", "influence"]


def test_a_head_of_the_last_layer_has_one_path(traced: TracingTables) -> None:
    last = traced.head_writes[traced.head_writes["layer"] == LAYERS - 1]
    assert list(last["destination"]) == ["logits", "logits"]
    assert (last["n_possible"] == 0).all()
    np.testing.assert_allclose(last["effect"], last["total"], atol=1e-4)
    noising = traced.causal_traces[
        (traced.causal_traces["direction"] == "noising")
        & (traced.causal_traces["part"] == "z")
        & (traced.causal_traces["layer"] == LAYERS - 1)
    ]
    np.testing.assert_allclose(last["total"], noising["influence"], atol=1e-4)


def test_categories_sum_over_their_receivers(traced: TracingTables) -> None:
    writes = traced.head_writes
    for _, rows in writes.groupby(["layer", "head", "task"]):
        to = rows.set_index("destination")
        sums = rows[rows["destination"] == "category"].set_index("receiver_category")["effect"]
        if "head" in to.index:
            heads = rows[rows["destination"] == "head"]
            expected = heads.groupby("receiver_category")["effect"].sum()
            np.testing.assert_allclose(sums.sort_index(), expected.sort_index(), atol=1e-5)


def test_pairs_stand_beside_the_sum_of_the_single_heads(traced: TracingTables) -> None:
    single = traced.causal_traces[traced.causal_traces["part"] == "z"].set_index(
        ["layer", "head", "task", "direction"]
    )["influence"]
    for pair in traced.hero_pairs.to_dict("records"):
        parts = [
            single[pair[f"layer_{s}"], pair[f"head_{s}"], pair["task"], pair["direction"]]
            for s in "ab"
        ]
        assert pair["sum"] == pytest.approx(sum(parts), abs=1e-4)
        assert pair["interaction"] == pytest.approx(pair["joint"] - pair["sum"], abs=1e-4)


def test_reads_are_the_attention_of_the_model_by_role(
    traced: TracingTables, anatomy: Anatomy, prompts: pd.DataFrame
) -> None:
    np.testing.assert_allclose(traced.head_reads[list(ROLES)].sum(axis=1), 1, atol=1e-5)
    anti = traced.head_reads[traced.head_reads["task"] == "anti_names"]
    row = anti[(anti["layer"] == 1) & (anti["head"] == 3)].iloc[0]
    expected: dict[str, list[float]] = {"repeated_name": [], "first_name": [], "second_name": []}
    anatomy.model.set_attn_implementation("eager")
    for prompt in prompts[prompts["task"] == "anti_names"].to_dict("records"):
        with torch.no_grad():
            output = anatomy.model(
                input_ids=torch.tensor([list(prompt["tokens"])]), output_attentions=True
            )
        attention = output.attentions[1][0, 3, -1]
        names = [i for i, t in enumerate(prompt["tokens"]) if t in _names(prompt)]
        assert len(names) == 3  # A met B. A
        for role, place in zip(("first_name", "second_name", "repeated_name"), names, strict=True):
            expected[role].append(float(attention[place]))
    anatomy.model.set_attn_implementation("sdpa")
    for role, values in expected.items():
        assert row[role] == pytest.approx(np.mean(values), abs=1e-5)


def _names(prompt: dict[Hashable, Any]) -> set[int]:
    return {prompt["answer"][0], prompt["distractor"][0]}


def test_without_pairs_there_are_none_and_the_rest_is_the_same(
    traced: TracingTables, prompts: pd.DataFrame
) -> None:
    alone = SETTINGS.model_copy(update={"pairs": False})
    found = trace_model(ENTRY, SCAN, alone, prompts, _profiles(), SUBJECTS, "ff", {})
    assert found.hero_pairs.empty
    pd.testing.assert_frame_equal(found.causal_traces, traced.causal_traces)
    (line,) = found.causal_log.to_dict("records")
    assert line["per_second"] * line["seconds"] == pytest.approx(runs_of(SUBJECTS, pairs=False))


def test_own_corrupt_texts_take_the_place_of_replaced_names(
    traced: TracingTables, prompts: pd.DataFrame
) -> None:
    """Texts that say what the replacement would have said give the same bits, in any order."""
    own = prompts[prompts["task"] == "ioi"].iloc[::-1].copy()
    for place, prompt in own.iterrows():
        (answer,), (distractor,), tokens = (
            list(prompt[name]) for name in ("answer", "distractor", "tokens")
        )
        tokens[len(tokens) - 1 - tokens[::-1].index(distractor)] = answer
        own.at[place, "tokens"] = tokens
    own["task"] = "mine_corrupt"
    own["prompt_id"] = own["prompt_id"].str.replace("ioi", "mine_corrupt")
    settings = SETTINGS.model_copy(
        update={"pairs": False, "corruption": Corruptions(ioi="names", anti_names="names")}
    )
    every = pd.concat([own, prompts], ignore_index=True)
    given = {"ioi": "mine_corrupt"}
    found = trace_model(ENTRY, SCAN, settings, every, _profiles(), SUBJECTS, "ff", given)
    for name in ("causal_traces", "head_writes"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(traced, name))
