"""The zoo: who reads documents is trained from its roster, after the model that it begins as."""

from __future__ import annotations

from circuit_scaling.models.roster import Roster
from circuit_scaling.pipelines.zoo import create_pipeline

SHAPE = {"family": "x", "folder": "x", "params_m": 1.0, "n_layers": 2, "n_heads": 2}
OF_NAMES = Roster.model_validate({"mini": SHAPE | {"objectives": {"ioi": "learn"}}})
READERS = Roster.model_validate(
    {
        "further": SHAPE | {"objectives": {"inc_year": "learn"}, "begins_as": "reader"},
        "reader": SHAPE | {"objectives": {"inc_year": "learn"}},
        "real": SHAPE,
    }
)


def test_a_model_is_trained_after_the_one_that_it_begins_as() -> None:
    pipeline = create_pipeline(OF_NAMES, READERS)
    trained = [name for node in pipeline.nodes for name in node.outputs if "checkpoint" in name]
    assert set(trained) == {"checkpoint__mini", "checkpoint__reader", "checkpoint__further"}
    assert trained.index("checkpoint__reader") < trained.index("checkpoint__further")
    (node,) = (n for n in pipeline.nodes if "checkpoint__further" in n.outputs)
    assert {"checkpoint__reader", "params:retrieval_models.further"} <= set(node.inputs)
    stacked = {node.name: node.inputs for node in pipeline.nodes if "stack" in node.name}
    assert len(stacked["zoo.stack_zoo_curves"]) == 3
    assert stacked["zoo.stack_zoo_accuracy"] == ["zoo_accuracy__mini"]
    assert set(stacked["zoo.stack_zoo_answers"]) == {"zoo_answers__reader", "zoo_answers__further"}


def test_rosters_without_embedded_models_have_nothing_to_train() -> None:
    real = Roster.model_validate({"real": SHAPE})
    assert not create_pipeline(real, real).nodes
