"""Bad input: one clear error that names the thing and the way out, and nothing is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from circuit_scaling.datasets.atomic import write_atomically
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.loading import load_model
from circuit_scaling.models.roster import RosterEntry
from tests.conftest import PROJECT
from tests.helpers.command_line import kedro_run
from tests.helpers.files import files

NO_SLOT = {task: {"templates": ["Then {A} met {B}"]} for task in ("ioi", "ioi_abc")}
ZOO = PROJECT / "data" / "01_raw" / "zoo" / "mini_gpt2_s"


def entry(**changes) -> RosterEntry:
    given = {
        "slug": "mine",
        "family": "x",
        "folder": str(ZOO),
        "params_m": 1.0,
        "n_layers": 4,
        "n_heads": 12,
    }
    return RosterEntry.model_validate(given | changes)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"classify": {"tau": 0}}, ["tau", "above 0"]),
        ({"scan": {"ablations": ["zero", "medan"]}}, ["ablations", "medan"]),
        ({"scan": {"typo": 1}}, ["typo"]),
        (
            {"models": {"mini_gpt2_s": {"n_layers": 5}}},
            ["mini_gpt2_s", "5 layers", "4 layers, 12 heads"],
        ),
        ({"models": {"mini_gpt2_s": {"folder": "no/such"}}}, ["no/such", "roster"]),
        ({"prompts": {"names": ["Mary"]}}, ["4 names", "only Mary", "names: common"]),
        ({"prompts": {"names": ["Xqzt", "Vwrk", "Bdfgh"]}}, ["4 names", "none can"]),
        ({"prompts": {"n_prompts": 41}}, ["41", "multiple of 40"]),
        ({"tasks": NO_SLOT}, ["{S}", "Then {A} met {B}"]),
        ({"tasks": {"ioi": {"build": "nmaes"}}}, ["ioi", "nmaes"]),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)
def test_configuration_that_cannot_be_run(study, run, test_data, params, words):
    before = files(test_data)
    with pytest.raises(CircuitScalingError) as caught:
        run("scan", "join", "classify", params=params)
    for word in words:
        assert word in str(caught.value)
    assert files(test_data) == before


def test_a_stored_scan_that_does_not_fit_is_named_with_the_command(study, run):
    with pytest.raises(
        CircuitScalingError, match="kedro run --env test --resume --pipelines scan,join --params"
    ):
        run("join", params={"scan": {"seed": 7}})


def test_a_pair_of_an_unknown_model_is_named(study, run, test_data):
    before = files(test_data)
    with pytest.raises(CircuitScalingError, match="'gpt9'.*There are: mini_gpt2_s, mini_pythia_s"):
        run("transfer", params={"transfer": {"pairs": [["mini_gpt2_s", "gpt9"]]}})
    assert files(test_data) == before


def test_a_missing_table_is_named_with_the_command(study, run, test_data):
    path = test_data / "04_feature" / "joint_heads.parquet"
    aside = path.with_suffix(".aside")
    path.rename(aside)
    try:
        with pytest.raises(CircuitScalingError, match="joint_heads.*--env test --pipelines join"):
            run("classify")
        run("report")  # it reads what is there
    finally:
        aside.rename(path)


def test_a_folder_that_is_no_model(tmp_path):
    with pytest.raises(CircuitScalingError, match=r"no config\.json"):
        load_model(entry(folder=str(tmp_path)))
    shutil.copy(ZOO / "config.json", tmp_path)
    with pytest.raises(CircuitScalingError, match="'mine' cannot be loaded"):
        load_model(entry(folder=str(tmp_path)))


def test_an_architecture_the_engine_cannot_take(tmp_path):
    from transformers import BloomConfig, BloomForCausalLM

    model = BloomForCausalLM(BloomConfig(vocab_size=61, hidden_size=32, n_layer=2, n_head=4))
    model.save_pretrained(tmp_path)
    with pytest.raises(CircuitScalingError, match="Bloom"):
        load_model(entry(folder=str(tmp_path), n_layers=2, n_heads=4))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pipelines", "classify", "--params", "classify.tau=-1"], "tau must be above 0"),
        (
            ["--pipelines", "scan", "--namespaces", "scan.gpt9"],
            "no stage or model 'scan.gpt9' in scan",
        ),
        (["--pipelines", "scn"], "There is no such pipeline: 'scn'"),
        (["--pipelines", "join,import_tables"], "never both in one run"),
    ],
    ids=["tau", "slug", "pipeline", "both"],
)
def test_the_command_line_prints_one_line_and_no_traceback(study, arguments, words):
    status, printed = kedro_run(*arguments, env="test")
    assert status != 0
    assert words in " ".join(printed.split())
    assert "Traceback" not in printed


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path):
    def write(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    target = tmp_path / "table.parquet"
    with pytest.raises(CircuitScalingError, match="No space left.*data_root"):
        write_atomically(target, write)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(CircuitScalingError, match="is a file, and a folder should be there"):
        write_atomically(tmp_path / "file" / "table.parquet", lambda path: path.touch())


def test_every_shipped_model_is_as_its_roster_says():
    rosters = yaml.safe_load(
        (PROJECT / "conf/base/parameters_models.yml").read_text().replace("${", "$(")
    )["_rosters"]
    for slug, given in rosters["zoo"].items():
        found = RosterEntry.model_validate(given)
        anatomy = load_model(found)
        weights = sum(p.numel() for p in anatomy.model.parameters()) / 1e6
        assert weights == pytest.approx(found.params_m, abs=0.005), slug
