"""What is asked for and not there is one line that names it, and what there is."""

from __future__ import annotations

from typing import Any

import pytest
from kedro.runner import SequentialRunner

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.session import ProjectSession
from tests.conftest import PROJECT
from tests.helpers.command_line import kedro_run

TWO_NODES = "scan.mini_gpt2_s.ablate_heads, scan.mini_gpt2_s.make_prompts"


def refusal(**asked: Any) -> str:
    with (
        ProjectSession.create(PROJECT, env="test") as session,
        pytest.raises(CircuitScalingError) as caught,
    ):
        session.run(**asked)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("option", ["node_names", "from_nodes", "to_nodes"])
def test_a_node(test_data, option):
    said = refusal(pipeline_names=["scan"], **{option: ["scan.mini_gpt2_s.make_promts"]})
    assert said.startswith("There is no node 'scan.mini_gpt2_s.make_promts' in scan. There are: ")
    assert TWO_NODES in said


@pytest.mark.parametrize("option", ["from_inputs", "to_outputs"])
def test_a_dataset_among_many_has_those_that_are_like_it(test_data, option):
    said = refusal(**{option: ["joint_head"]})
    assert said.startswith(
        "There is no dataset 'joint_head' in __default__. There are: joint_heads"
    )
    assert "hero_heads__" not in said
    assert said.endswith(" more.")


def test_a_tag(test_data):
    models = "mini_gpt2_s, mini_llama, mini_pythia_s"
    known = f"There are: keeps_layers, measures, {models}, parts_may_be_missing."
    assert refusal(tags=["a", "b"]) == f"There is no tag 'a', 'b' in __default__. {known}"
    said = refusal(pipeline_names=["scan"], tags=["a"])
    assert said.startswith("There is no tag 'a' in scan. There are: keeps_layers, measures, mini")


def test_one_known_tag_is_enough(test_data):
    said = refusal(tags=["parts_may_be_missing", "a"], node_names=["classify.classify_heads"])
    assert said == "No node of __default__ is left by --tags, --nodes together."


def test_a_stage_a_model_and_a_pipeline(test_data):
    said = refusal(pipeline_names=["scan"], namespaces=["scan.gpt9"])
    models = "scan, scan.mini_gpt2_s, scan.mini_pythia_s"
    assert said == f"There is no stage or model 'scan.gpt9' in scan. There are: {models}."
    assert refusal(pipeline_name="scn").startswith("There is no such pipeline: 'scn'. There are: ")


class FailingRunner(SequentialRunner):
    """A run that fails by itself."""

    def run(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise ValueError("of the run itself")


def test_an_error_of_the_run_is_not_taken_for_an_unknown_name(test_data):
    with (
        ProjectSession.create(PROJECT, env="test") as session,
        pytest.raises(ValueError, match="of the run itself"),
    ):
        session.run(
            pipeline_names=["report"], tags=["a", "parts_may_be_missing"], runner=FailingRunner()
        )


def test_versions(test_data, tmp_path, monkeypatch):
    monkeypatch.setenv("CIRCUIT_SCALING_TEST_DATA", str(tmp_path))
    folder = tmp_path / "04_feature" / "joint_heads.parquet"
    for day in range(1, 7):
        (folder / f"2026-01-0{day}").mkdir(parents=True)
        (folder / f"2026-01-0{day}" / "joint_heads.parquet").touch()
    said = refusal(pipeline_names=["classify"], load_versions={"joint_haeds": "2026-01-01"})
    assert said.startswith("--load-versions names joint_haeds, which the catalogue does not have")
    said = refusal(pipeline_names=["classify"], load_versions={"joint_heads": "2020"})
    latest = ", ".join(f"2026-01-0{day}" for day in (6, 5, 4, 3))
    assert said == f"There is no version '2020' of joint_heads. It has: {latest} and 2 older."
    said = refusal(pipeline_names=["classify"], load_versions={"head_effects__gpt9": "2020"})
    assert said == "There is no version '2020' of head_effects__gpt9. It has none."
    said = refusal(pipeline_names=["classify"], load_versions={"classify_exports": "2020"})
    assert said == "There is no version '2020' of classify_exports. It has none."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--load-versions", "joint_heads"], "dataset_name:YYYY-MM-DDThh.mm.ss.sssZ"),
        (["--pipeline", "scan", "--pipelines", "join"], "cannot be used together"),
        (["--nodes", "nosuch"], "There is no node 'nosuch'"),
    ],
)
def test_the_command_line_says_it_without_a_traceback(test_data, arguments, words):
    status, printed = kedro_run(*arguments, env="test")
    assert status != 0
    assert words in " ".join(printed.split())
    assert "Traceback" not in printed
    assert "NoneType" not in printed
