"""What causal tracing says of circuits built by hand: who routes, who answers, who repairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.causal.verdicts import causal_summary
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import Head, Pairs
from circuit_scaling.measuring.causal.hero_pairs import joint_influences
from circuit_scaling.measuring.causal.heroes import Subjects
from circuit_scaling.measuring.causal.influence import head_influences
from circuit_scaling.measuring.causal.traced_task import TracedTask
from circuit_scaling.measuring.causal.writes import head_writes
from circuit_scaling.measuring.shared.progress import no_progress
from circuit_scaling.models.architecture import anatomy_of
from tests.helpers.causal_tables import SETTINGS
from tests.helpers.planted_circuits import (
    BACKUP,
    HEADS,
    IGNORED,
    LAYERS,
    MIDDLE,
    PRIMARY,
    SENDER,
    WRITER,
    PlantedCircuit,
    backup,
    chain,
    relay,
)

EVERY: list[Head] = [(layer, head) for layer in range(LAYERS) for head in range(HEADS)]


class Traced:
    """A planted circuit as one model of the study; IGNORED is always among the heroes."""

    def __init__(self, circuit: PlantedCircuit, categories: dict[Head, str]) -> None:
        self.circuit = circuit
        heroes = tuple({**categories, IGNORED: "shared"})
        named = {head: {**categories, IGNORED: "shared"}.get(head, "weak") for head in EVERY}
        subjects = Subjects(heroes, heroes, named, {head: named[head] for head in heroes})
        task = self._task()
        influences = [self._of(f, named) for f in head_influences(task, heroes, no_progress)]
        self.traces = pd.concat(influences, ignore_index=True).assign(q=0.01, hero=True)
        writes = [self._of(frame, named) for frame in head_writes(task, subjects, no_progress)]
        self.writes = pd.concat(writes, ignore_index=True)
        self.pairs = pd.concat(joint_influences(task, subjects, no_progress), ignore_index=True)
        self.summary = causal_summary(
            self._heroes(heroes, named),
            pd.DataFrame(
                {
                    "family": ["f"],
                    "model": ["m"],
                    "competent_ioi": True,
                    "competent_anti_names": True,
                }
            ),
            self._on_both_tasks(self.traces),
            self._on_both_tasks(self.writes),
            SETTINGS.min_share,
        )

    def row(self, head: Head) -> pd.Series:
        rows = self.summary[self.summary["task"] == "ioi"].set_index(["layer", "head"])
        return rows.loc[head]

    def _task(self) -> TracedTask:
        given = self.circuit.pairs
        corrupt = dict(zip(map(tuple, given.clean), given.corrupt, strict=True))

        class Planted(TracedTask):
            """The pairs are those of the circuit, whose prompts have no names."""

            def pairs(self, batch: Batch) -> Pairs:
                rows = [corrupt[tuple(tokens)] for tokens in batch.tokens]
                return Pairs(batch.tokens, np.array(rows), batch.answers, batch.distractors)

        prompts = pd.DataFrame(
            {
                "task": "ioi",
                "template": "t",
                "tokens": [list(tokens) for tokens in given.clean],
                "answer": given.answers,
                "distractor": given.distractors,
                "candidates": [
                    [*a, *d] for a, d in zip(given.answers, given.distractors, strict=True)
                ],
                "cluster": [f"c{n:02d}" for n in range(len(given))],
            }
        )
        anatomy = anatomy_of(self.circuit.model)
        return Planted(anatomy, "ioi", prompts, SETTINGS, Chunk.of(anatomy))

    @staticmethod
    def _of(frame: pd.DataFrame, named: dict[Head, str]) -> pd.DataFrame:
        heads = zip(frame["layer"], frame["head"], strict=True)
        categories = [named[head] for head in heads]
        return frame.assign(family="f", model="m", category=categories, fingerprint="x")

    @staticmethod
    def _heroes(heroes: tuple[Head, ...], named: dict[Head, str]) -> pd.DataFrame:
        rows = [(*head, named[head]) for head in heroes]
        frame = pd.DataFrame(rows, columns=["layer", "head", "category"])
        return frame.assign(
            family="f", model="m", rank=1, strength=1.0, delta_ioi=-1.0, delta_anti_names=-1.0
        )

    @staticmethod
    def _on_both_tasks(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([frame, frame.assign(task="anti_names")], ignore_index=True)


@pytest.fixture(scope="module")
def traced() -> Callable[..., Traced]:
    return Traced


@pytest.mark.parametrize("channel", ["q", "k", "v"])
def test_a_head_that_tells_another_routes_and_the_other_does_it_itself(traced, channel):
    found = traced(relay(channel), {SENDER: "shared", WRITER: "ioi_only"})
    sender, writer = found.row(SENDER), found.row(WRITER)
    assert (sender["verdict"], sender["routes_into"]) == ("routes", "ioi_only")
    assert sender["share_ioi_only"] == pytest.approx(1, abs=1e-4)
    assert sender["share_logits"] == pytest.approx(0, abs=1e-4)
    assert (writer["verdict"], writer["routes_into"]) == ("does it itself", "")
    assert writer["share_logits"] == pytest.approx(1, abs=1e-4)
    for direction in ("denoising", "noising"):
        assert sender[f"{direction}_normalised"] == pytest.approx(1, abs=1e-4)
        assert sender[f"{direction}_direct"] == pytest.approx(0, abs=1e-4)
        assert writer[f"{direction}_indirect"] == pytest.approx(0, abs=1e-4)
    # All pairs are alike, so that intervals have no width, and rounding counts as an effect.
    repaired = found.summary[["denoising_self_repair", "noising_self_repair"]].fillna(0)
    assert repaired.abs().to_numpy().max() < 1e-6


def test_a_head_in_the_middle_is_a_receiver_and_routes_itself(traced):
    found = traced(chain(), {SENDER: "anti_only", MIDDLE: "shared", WRITER: "ioi_only"})
    assert tuple(found.row(SENDER)[["verdict", "routes_into"]]) == ("routes", "shared")
    assert tuple(found.row(MIDDLE)[["verdict", "routes_into"]]) == ("routes", "ioi_only")
    assert found.row(WRITER)["verdict"] == "does it itself"


def test_a_duplicate_head_repairs_part_of_what_the_first_one_did(traced):
    circuit = backup()
    found = traced(circuit, {PRIMARY: "ioi_only", BACKUP: "ioi_only"})
    total, direct = circuit.total["noising"][PRIMARY], circuit.direct["noising"][PRIMARY]
    expected = -(total - direct) / direct
    assert 0.3 < expected < 1
    primary = found.row(PRIMARY)
    assert primary["noising_self_repair"] == pytest.approx(expected, abs=1e-4)
    assert pd.isna(found.row(BACKUP)["noising_self_repair"])
    pairs = found.pairs[found.pairs["direction"] == "noising"]
    both = pairs[pairs["category_a"].eq("ioi_only") & pairs["category_b"].eq("ioi_only")].iloc[0]
    # BACKUP's z is silent in the corrupt run: held there, it cannot stand in.
    assert both["sum"] == pytest.approx(total, abs=1e-4)
    assert both["joint"] == pytest.approx(-circuit.clean, abs=1e-4)
    assert both["interaction_high"] < 0


@pytest.mark.parametrize(
    "circuit", [relay("q"), chain(), backup()], ids=["relay", "chain", "backup"]
)
def test_a_head_that_writes_where_nobody_looks_shows_nothing(traced, circuit):
    found = traced(circuit, {PRIMARY if PRIMARY in circuit.attention else SENDER: "ioi_only"})
    ignored = found.row(IGNORED)
    assert ignored["verdict"] == "unclear"
    for column in ("influence", "direct", "v_influence", "normalised"):
        for direction in ("denoising", "noising"):
            assert ignored[f"{direction}_{column}"] == pytest.approx(0, abs=1e-5)
    paths = found.writes[(found.writes["layer"] == 0) & (found.writes["head"] == IGNORED[1])]
    assert paths["effect"].abs().max() < 1e-5
