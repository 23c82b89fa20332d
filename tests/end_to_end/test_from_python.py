"""The functions of the package beside ``scan`` give what pipelines, hooks and the model give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from transformers import AutoModelForCausalLM, AutoTokenizer

import circuit_scaling
from circuit_scaling.analysis.classify.categories import classify_heads
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.classify import CLASSIFIED_HEADS
from circuit_scaling.tables.columns import PROFILE_COLUMNS
from tests.conftest import PROJECT
from tests.helpers.command_line import own_process
from tests.helpers.task_files import ioi_rows

MODEL = PROJECT / "data" / "01_raw" / "zoo" / "mini_gpt2_s"
SETS = {"three": [(2, 7), (0, 1), (2, 3)], "none": [], "one": [(1, 9)]}


@pytest.fixture(scope="module")
def classified() -> pd.DataFrame:
    return circuit_scaling.classify(MODEL, n_prompts=40)


@pytest.fixture(scope="module")
def reference() -> torch.nn.Module:
    return AutoModelForCausalLM.from_pretrained(
        MODEL, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def of_model(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["model"] == "mini_gpt2_s"].reset_index(drop=True)


def test_categories_from_python_are_those_of_the_pipeline(classified, study):
    stored = of_model(study.load("classified_heads"))
    assert CLASSIFIED_HEADS.validate(classified) is classified
    numbers = [f"{part}_{task}" for part in ("delta", "se", "low", "high", "q")
               for task in ("ioi", "anti_names")]  # fmt: skip
    for name in (*numbers, "strength_select", *PROFILE_COLUMNS):
        np.testing.assert_allclose(classified[name], stored[name], rtol=0, atol=2e-5, err_msg=name)
    for name in ("layer", "head", "category", "category_select", "resolved", "competent_ioi"):
        assert classified[name].tolist() == stored[name].tolist(), name


def test_how_stable_categories_are_is_what_the_pipeline_says_with_as_many_draws(classified, study):
    tables = (of_model(study.load(n)) for n in ("joint_heads", "joint_effects", "competence"))
    rules = ClassifySettings(tau=0.05, taus=(0.05,), top_k=1, n_boot=1000)
    expected, _ = classify_heads(*tables, rules)
    np.testing.assert_allclose(
        classified["category_stability"], expected["category_stability"], atol=0.0011
    )


def test_what_a_table_is_of_is_read_from_the_model(classified, reference):
    one = classified.iloc[0]
    assert (one["family"], one["model"]) == ("gpt2", "mini_gpt2_s")
    assert one["params_m"] == sum(p.numel() for p in reference.parameters()) / 1e6
    in_memory = circuit_scaling.classify(
        reference, tokenizer=AutoTokenizer.from_pretrained(MODEL), n_prompts=40
    )
    assert in_memory["model"].iloc[0] == "mini_gpt2_s"
    np.testing.assert_allclose(in_memory["delta_ioi"], classified["delta_ioi"], atol=2e-5)


@pytest.mark.parametrize("tau", [0.05, 1.0])
def test_tau_sorts_the_heads_and_is_drawn(tau):
    heads = circuit_scaling.classify(MODEL, n_prompts=40, tau=tau)
    strong = (heads["delta_ioi"].abs() >= tau) | (heads["delta_anti_names"].abs() >= tau)
    assert ((heads["category"] != "weak") == strong).all()
    label = circuit_scaling.phase_space(heads).axes[0].get_xlabel()
    assert f"= {tau:g}" in label


def test_one_model_is_drawn_with_intervals_and_several_with_names(classified, study):
    one = circuit_scaling.phase_space(classified)
    several = circuit_scaling.phase_space(study.load("classified_heads"))
    titles = [figure.axes[0].get_title(loc="left") for figure in (one, several)]
    assert isinstance(one, Figure)
    assert "mini_gpt2_s: 48 heads" in titles[0]
    assert "96 heads of 2 models" in titles[1]


def test_what_cannot_be_drawn_is_said(classified):
    with pytest.raises(CircuitScalingError, match="no column family.*classify makes them"):
        circuit_scaling.phase_space(pd.DataFrame({"layer": [0], "head": [0]}))
    unsaid = classified.copy()
    unsaid.attrs = {}
    with pytest.raises(CircuitScalingError, match="Give tau="):
        circuit_scaling.phase_space(unsaid)
    assert circuit_scaling.phase_space(unsaid, tau=0.2)


def contrast(model: torch.nn.Module, row: pd.Series, heads: list[tuple[int, int]]) -> float:
    """The contrast of a prompt under hooks that put 0 in place of each head's output."""

    def hook_of(layer: int):
        def cut(_module: object, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            z = inputs[0].clone()
            width = z.shape[-1] // model.config.n_head
            for of, head in heads:
                if of == layer:
                    z[..., head * width : (head + 1) * width] = 0
            return (z, *inputs[1:])

        return cut

    hooks = [
        block.attn.c_proj.register_forward_pre_hook(hook_of(layer))
        for layer, block in enumerate(model.transformer.h)
    ]
    with torch.no_grad():
        logits = model(torch.tensor([list(row["tokens"])])).logits[0, -1]
    for hook in hooks:
        hook.remove()
    sides = (logits[list(row[side])].mean() for side in ("answer", "distractor"))
    answer, distractor = map(float, sides)
    return answer - distractor


@pytest.mark.parametrize("split", ["test", "all"])
def test_sets_are_ablated_together_as_hooks_do_it(reference, study, split):
    found = circuit_scaling.ablate(MODEL, SETS, "ioi", n_prompts=40, split=split).set_index("set")
    prompts = study.load("prompts__mini_gpt2_s").query("task == 'ioi'")
    if split == "test":
        prompts = prompts.query("split == 'test'")
    clean = np.array([contrast(reference, row, []) for _, row in prompts.iterrows()])
    for name, heads in SETS.items():
        left = np.array([contrast(reference, row, heads) for _, row in prompts.iterrows()])
        np.testing.assert_allclose(found.loc[name, "effects"], left - clean, atol=2e-4)
        assert found.loc[name, "delta"] == pytest.approx((left - clean).mean(), abs=1e-4)
        assert found.loc[name, "metric"] == pytest.approx(left.mean(), abs=1e-4)
        assert found.loc[name, "accuracy"] == (left > 0).mean()
        assert found.loc[name, "n_heads"] == len(heads)
    assert found.loc["none", "delta"] == 0
    assert abs(found.loc["three", "delta"]) > 0.5


def test_one_head_ablated_as_a_set_is_what_the_scan_says(study):
    one = {"one": [(1, 9)]}
    alone = circuit_scaling.ablate(MODEL, one, "plain_text", n_prompts=40, split="all")
    stored = study.load("head_effects__mini_gpt2_s").query(
        "task == 'plain_text' and ablation == 'zero' and positions == 'all'"
    ).query("layer == 1 and head == 9")  # fmt: skip
    for name in ("delta", "se", "low", "high", "p"):
        np.testing.assert_allclose(alone[name], stored[name], rtol=1e-3, atol=1e-6, err_msg=name)
    assert alone["accuracy"].isna().all()


def test_a_table_of_heads_is_a_set(classified):
    strongest = classified.nlargest(2, "strength")
    pairs = list(zip(strongest["layer"], strongest["head"], strict=True))
    found = circuit_scaling.ablate(MODEL, {"table": strongest, "pairs": pairs}, n_prompts=40)
    assert found["delta"].nunique() == 1
    with pytest.raises(CircuitScalingError, match="'both' has heads of several models"):
        two = pd.concat([strongest, strongest.assign(model="other")])
        circuit_scaling.ablate(MODEL, {"both": two})


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"sets": {}}, "at least one set"),
        ({"sets": {"bad": [(9, 9)]}}, "9"),
        ({"sets": {"bad": [3, 4]}}, "'bad' is no set of heads"),
        ({"sets": {"bad": pd.DataFrame({"layer": [0]})}}, "no columns 'layer' and 'head'"),
        ({"task": "io"}, "Unknown task 'io'"),
        ({"split": "train"}, "Unknown split 'train'"),
        ({"ablation": "medan"}, "medan"),
    ],
)
def test_what_cannot_be_ablated_is_named(arguments, word):
    with pytest.raises(CircuitScalingError, match=word):
        circuit_scaling.ablate(**{"model": MODEL, "sets": SETS, "n_prompts": 40} | arguments)


def test_attention_is_that_of_the_model(reference):
    text = "When Mary and John went to the store, John gave a ring to"
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    tokens = tokenizer.encode(text, add_special_tokens=False)
    with torch.no_grad():
        patterns = reference(torch.tensor([tokens]), output_attentions=True).attentions
    for layer, head in ((0, 1), (3, 11)):
        found = circuit_scaling.attention(MODEL, (layer, head), text)
        np.testing.assert_allclose(found, patterns[layer][0, head], atol=1e-5)
        assert found.index.tolist() == [tokenizer.decode([token]) for token in tokens]
    with pytest.raises(CircuitScalingError, match="L9H9|9"):
        circuit_scaling.attention(MODEL, (9, 9), text)


def test_several_tasks_are_single_ones_below_each_other():
    tasks = ["ioi", "plain_text"]
    together = circuit_scaling.scan(MODEL, tasks, n_prompts=40)
    assert together["task"].unique().tolist() == tasks
    for task in tasks:
        alone = circuit_scaling.scan(MODEL, task, n_prompts=40)
        rows = together[together["task"] == task].drop(columns="task").reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, alone, check_exact=False, atol=2e-5)
    assert together.attrs["bos"] is False
    assert set(together.attrs["accuracy"]) == {"ioi"}
    with pytest.raises(CircuitScalingError, match="at least one task"):
        circuit_scaling.scan(MODEL, [])


def test_prompts_are_those_of_the_run_in_its_order(study):
    prompts = circuit_scaling.prompts_of(MODEL, "anti_names", n_prompts=40)
    stored = study.load("prompts__mini_gpt2_s").query("task == 'anti_names'").reset_index(drop=True)
    for name in ("text", "template", "order", "cluster", "split"):
        assert prompts[name].tolist() == stored[name].tolist()
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    for side in ("answer", "distractor"):
        ids = [tokenizer.encode(f" {word}", add_special_tokens=False) for word in prompts[side]]
        assert ids == [list(tokens) for tokens in stored[side]]


def test_a_table_is_loaded_from_any_folder(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loaded = circuit_scaling.load("classified_heads", project=PROJECT / "notebooks")
    pd.testing.assert_frame_equal(loaded, study.load("classified_heads"))
    assert loaded.attrs["made_with"]["classify.tau"] == 0.05
    with pytest.raises(CircuitScalingError, match="does not lie in a project"):
        circuit_scaling.load("classified_heads")


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ("clasified_heads", "no table 'clasified_heads'. There are: classified_heads"),
        ("report", "no table 'report'"),
        ("import_findings", "no import_findings yet. Make it with: kedro run.*import_tables"),
    ],
)
def test_a_table_that_is_not_there_is_said_with_the_way_to_it(study, table, word):
    with pytest.raises(CircuitScalingError, match=word):
        circuit_scaling.load(table, project=PROJECT)


def test_an_error_is_one_line_in_a_notebook():
    assert CircuitScalingError("No such head.")._render_traceback_() == ["Error: No such head."]


def test_the_package_is_imported_without_what_its_functions_need(tmp_path: Path):
    heavy = "{'torch', 'pandas', 'kedro'} & {*sys.modules}"
    code = f"import circuit_scaling, sys; print(sorted({heavy}))"
    status, printed = own_process(["-c", code], tmp_path)
    assert (status, printed.strip()) == (0, "[]")


@pytest.mark.parametrize("form", ["path", "entry"])
def test_a_file_of_prompts_is_a_task(tmp_path, form):
    rows, path = ioi_rows(), tmp_path / "mine.csv"
    columns = {"clean": "text"} if form == "entry" else {}
    task = {"file": path, "columns": columns} if columns else str(path)
    rows.rename(columns=columns).to_csv(path, index=False)
    heads = circuit_scaling.scan(MODEL, task, ablation="mean", n_prompts=100)
    assert heads.attrs["competent"] is True
    prompts = circuit_scaling.prompts_of(MODEL, task, n_prompts=100)
    assert prompts["text"].tolist() == rows["clean"].tolist()
    assert prompts["answer"].tolist() == rows["answer"].tolist()
    strongest = heads.nlargest(1, "delta", keep="first")[["layer", "head", "delta", "effects"]]
    alone = circuit_scaling.ablate(
        MODEL, {"one": strongest}, task, ablation="mean", split="all", n_prompts=100
    )
    np.testing.assert_allclose(alone["effects"][0], strongest["effects"].iloc[0], atol=1e-4)
