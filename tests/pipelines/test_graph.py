"""What kedro-viz makes of the pipelines: boxes, what lies between them, and layers."""

from __future__ import annotations

import pytest
import yaml
from kedro.framework.project import pipelines
from kedro_viz.constants import ROOT_MODULAR_PIPELINE_ID
from kedro_viz.data_access.managers import DataAccessManager
from kedro_viz.models.flowchart.node_metadata import TaskNodeMetadata
from kedro_viz.models.flowchart.nodes import TaskNode

from tests.conftest import PROJECT

STAGES = {"scan", "classify", "scaling", "transfer", "causal", "ablation", "audit"}
STAGES |= {"retrieval_detect", "retrieval_mask", "retrieval_compare", "report"}
LAYERS = ["primary", "feature", "classified", "on_heroes", "model_output", "reporting"]


@pytest.fixture(scope="module")
def viz(catalog) -> DataAccessManager:
    """All that kedro-viz knows of the project."""
    manager = DataAccessManager()
    manager.add_catalog(catalog(), dict(pipelines))
    manager.add_pipelines(dict(pipelines))
    return manager


def between_the_boxes(viz: DataAccessManager, pipeline: str) -> dict[str, set[str]]:
    """The names of all that is seen before a box is opened, by kind."""
    tree = viz.create_modular_pipelines_tree_for_registered_pipeline(pipeline)
    seen: dict[str, set[str]] = {}
    for child in tree[ROOT_MODULAR_PIPELINE_ID].children:
        name = viz.nodes.get_node_by_id(child.id).name
        seen.setdefault(child.type.value, set()).add(name)
    return seen


def test_every_node_shows_its_code(viz):
    """It has none to show of a function that is bound to arguments."""
    nodes = [node for node in viz.nodes.as_list() if isinstance(node, TaskNode)]
    assert nodes
    assert not [node.name for node in nodes if not TaskNodeMetadata(task_node=node).code]


@pytest.mark.parametrize("pipeline", ["__default__", "overview"])
def test_the_study_opens_as_one_box_per_stage(viz, pipeline):
    seen = between_the_boxes(viz, pipeline)
    assert seen["modularPipeline"] == STAGES
    assert "task" not in seen, "a node lies outside of all boxes"


@pytest.mark.parametrize("pipeline", ["__default__", "zoo"])
def test_tables_of_one_model_lie_inside_the_boxes(viz, pipeline):
    """What only one model has would be on the picture as often as there are models."""
    outside = {name for name in between_the_boxes(viz, pipeline)["data"] if "__" in name}
    assert not {name for name in outside if not name.startswith("checkpoint__")}


def test_nothing_hangs_in_the_overview_from_nowhere(viz):
    """What is known of imported tables is made by no stage of the study."""
    seen = between_the_boxes(viz, "overview")["data"]
    assert {"joint_heads", "report_page"} <= seen
    assert not {name for name in seen if name.startswith("import")}


@pytest.mark.parametrize(
    "pipeline", ["__default__", "overview", "zoo", "import_tables", "import_retrieval"]
)
def test_layers_can_be_switched_on(viz, pipeline):
    """kedro-viz has no switch where two layers read each other."""
    layers = viz.get_sorted_layers_for_registered_pipeline(pipeline)
    assert layers, "the layers of the catalogue read each other in a circle"


def test_layers_follow_the_study(viz):
    layers = viz.get_sorted_layers_for_registered_pipeline("__default__")
    assert [layer for layer in layers if layer in LAYERS] == LAYERS


def test_every_entry_of_the_catalogue_has_a_layer():
    for file in (PROJECT / "conf" / "base").glob("catalog*.yml"):
        for name, entry in yaml.safe_load(file.read_text()).items():
            assert entry["metadata"]["kedro-viz"]["layer"], name
