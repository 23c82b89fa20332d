"""``circuit_scaling.scan`` gives what the pipeline gives, and refuses what it does not know."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import circuit_scaling
from circuit_scaling import IncompetentModelWarning
from circuit_scaling.errors import CircuitScalingError
from tests.conftest import PROJECT

MODEL = str(PROJECT / "data" / "01_raw" / "zoo" / "mini_gpt2_s")


def test_scan_from_python_equals_the_pipeline(study):
    heads = circuit_scaling.scan(MODEL, "ioi", n_prompts=40)
    stored = study.load("joint_heads").query("model == 'mini_gpt2_s'")
    assert len(heads) == 48
    np.testing.assert_allclose(heads["delta"], stored["delta_ioi"], rtol=0, atol=1e-5)


def test_attribution_from_python_is_named_as_such(study):
    heads = circuit_scaling.scan(MODEL, "ioi", n_prompts=40, method="attribution")
    assert list(heads) == ["layer", "head", "delta_attribution", "scores"]
    stored = study.load("head_attributions__mini_gpt2_s").query(
        "task == 'ioi' and ablation == 'zero' and positions == 'all'"
    )
    np.testing.assert_allclose(heads["delta_attribution"], stored["delta"], rtol=0, atol=1e-5)
    assert heads["scores"].map(len).tolist() == [40] * 48
    np.testing.assert_allclose(
        heads["scores"].map(np.mean), heads["delta_attribution"], rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("method", ["exact", "attribution"])
def test_a_model_that_does_not_do_the_task_is_said_to_be_so(method):
    control = str(PROJECT / "data" / "01_raw" / "zoo" / "control_anti")
    with pytest.warns(IncompetentModelWarning, match="not competent on 'ioi'") as warned:
        heads = circuit_scaling.scan(control, "ioi", n_prompts=80, method=method)
    assert warned[0].filename == __file__  # where the user called
    assert heads.attrs["competent"] is False
    assert heads.attrs["accuracy"] == pytest.approx(0.5, abs=0.15)


def test_a_model_that_does_it_is_no_cause_for_a_warning(recwarn):
    heads = circuit_scaling.scan(MODEL, "ioi", n_prompts=80)
    assert not [w for w in recwarn if issubclass(w.category, IncompetentModelWarning)]
    assert heads.attrs["competent"] is True
    assert heads.attrs["clean_metric"] > 0
    assert heads.attrs["bos"] is False


def test_the_switches_of_the_process_are_left_as_they_were():
    torch.set_float32_matmul_precision("medium")
    try:
        circuit_scaling.scan(MODEL, "ioi", n_prompts=40)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_a_task_without_an_answer_has_no_competence():
    assert circuit_scaling.scan(Path(MODEL), "plain_text", n_prompts=40).attrs == {"bos": False}


def test_prompts_begin_with_bos_by_default_where_the_model_was_trained_so():
    opt = str(PROJECT / "data" / "01_raw" / "zoo" / "mini_opt")
    default, given, without = (
        circuit_scaling.scan(opt, "ioi", n_prompts=40, **bos)
        for bos in ({}, {"bos": True}, {"bos": False})
    )
    assert default.attrs["bos"] is True
    np.testing.assert_array_equal(default["delta"], given["delta"])
    assert np.abs(default["delta"] - without["delta"]).max() > 0.1


@pytest.mark.parametrize("method", ["exact", "attribution"])
def test_the_documentation_names_what_each_method_returns(method):
    described = re.search(rf"- ``{method}``: (.+?)[;.]\n", circuit_scaling.scan.__doc__, re.DOTALL)
    heads = circuit_scaling.scan(MODEL, "ioi", n_prompts=40, method=method)
    assert set(heads) <= {"layer", "head", *re.findall(r"\w+", described[1])}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"task": "io"}, "io"),
        ({"ablation": "medan"}, "medan"),
        ({"positions": "last"}, "last"),
        ({"n_prompts": 0}, "n_prompts is a whole number from 1 on, and not 0"),
        ({"n_prompts": 40.5}, "and not 40.5"),
        ({"bos": None}, "bos"),
        ({"method": "gradient"}, "'gradient'. There are: exact, settled, attribution"),
        ({"method": "attribution", "task": "plain_text"}, "'plain_text' is read as token_loss"),
        ({"model": "no/such/folder/here"}, "no/such/folder/here"),
        ({"task": "no_such.csv"}, "no file 'no_such.csv'"),
        ({"task": {"columns": {}}}, "names its 'file'"),
        ({"task": {"file": "a.csv", "clmns": {}}}, "a.clmns: Extra inputs are not permitted"),
        ({"task": ["ioi", "ioi.csv"]}, "Two tasks are called 'ioi'"),
        ({"task": ["ioi", "ioi_abc.csv"]}, "'ioi_abc' is called as a task of the package"),
    ],
)
def test_what_it_does_not_know_is_named(arguments, word):
    with pytest.raises(CircuitScalingError, match=word):
        circuit_scaling.scan(**{"model": MODEL, "n_prompts": 40} | arguments)
