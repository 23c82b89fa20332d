"""One configuration for graph, catalogue and folders, wherever and however a run is started."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from tests.conftest import PROJECT
from tests.helpers.command_line import in_process

ONE_PROMPT_TABLE = ["--pipelines", "scan", "--to-outputs", "prompts__mini_opt"]
BOOTSTRAP = f"""
from pathlib import Path
from kedro.framework.project import find_pipelines, pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
project = Path({str(PROJECT)!r})
bootstrap_project(project)
def models():
    return sorted(n.namespace.removeprefix("scan.") for n in pipelines["scan"].nodes)[::2]
"""


def elsewhere(root: Path) -> Path:
    """A configuration of its own in ``root``: another roster of one model, another data root."""
    conf = root / "conf"
    shutil.copytree(PROJECT / "conf", conf)
    given = yaml.safe_load((PROJECT / "conf" / "test" / "globals.yml").read_text())
    given |= {"roster": "mine", "data_root": str(root / "data"), "zoo_root": str(root / "zoo")}
    (conf / "base" / "globals.yml").write_text(yaml.safe_dump(given))
    entry = {"family": "mini_opt", "folder": "models/opt", "params_m": 0.5, "n_layers": 4}
    rosters = {"mine": {"mini_opt": entry | {"n_heads": 12, "bos": True}}}
    (conf / "base" / "parameters_models.yml").write_text(
        yaml.safe_dump({"models": "${_rosters.${globals:roster}}", "rosters": "${_rosters}"})
        + yaml.safe_dump({"_rosters": rosters})
    )
    return conf


def with_model(folder: Path) -> None:
    """The embedded OPT as ``models/opt`` in ``folder``."""
    shutil.copytree(PROJECT / "data" / "01_raw" / "zoo" / "mini_opt", folder / "models" / "opt")


def written(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*.parquet") if path.is_file()]


def python(code: str, cwd: Path, **environment: str) -> str:
    status, printed = in_process(["-W", "ignore", "-c", BOOTSTRAP + code], cwd, **environment)
    assert status == 0, printed
    return printed


def test_conf_source_gives_the_graph_the_data_root_and_the_checkpoint(tmp_path):
    conf = elsewhere(tmp_path)
    with_model(tmp_path)  # beside the configuration, not in the project
    before = written(PROJECT / "data" / "02_intermediate")
    arguments = ["-m", "kedro", "run", "--conf-source", str(conf), *ONE_PROMPT_TABLE]
    status, printed = in_process(arguments, PROJECT)
    assert status == 0, printed
    assert written(tmp_path / "data") == ["mini_opt.parquet"]
    assert written(PROJECT / "data" / "02_intermediate") == before


def test_the_package_runs_where_there_is_no_project(tmp_path):
    site, deployed, here = (tmp_path / name for name in ("site", "deployed", "here"))
    shutil.copytree(PROJECT / "src" / "circuit_scaling", site / "circuit_scaling")
    deployed.mkdir()
    here.mkdir()
    conf = elsewhere(deployed)
    with_model(deployed)
    run = ["-m", "circuit_scaling", "--conf-source", str(conf)]
    status, printed = in_process([*run, *ONE_PROMPT_TABLE], here, site)
    assert status == 0, printed
    assert written(deployed / "data") == ["mini_opt.parquet"]
    status, printed = in_process([*run, "--pipelines", "classify"], here, site)
    assert status == 1
    again = f"python -m circuit_scaling --conf-source {conf} --pipelines join"
    assert again in " ".join(printed.split())
    status, printed = in_process(["-m", "circuit_scaling"], here, site)
    assert (status, "Traceback" in printed) == (1, False)
    assert f"There is no configuration '{here / 'conf'}'" in printed


def test_a_session_works_from_any_folder_and_the_project_comes_first(tmp_path):
    foreign = tmp_path / "data" / "01_raw" / "zoo" / "mini_gpt2_s"
    foreign.mkdir(parents=True)  # the same relative path, no model
    printed = python(
        """
with KedroSession.create(project_path=project, env="test") as session:
    context = session.load_context()
    print("folder", context.params["models"]["mini_gpt2_s"].folder)
    print("table", context.catalog["joint_heads"]._describe()["filepath"])
    print("page", context.catalog["report_page"]._describe()["filepath"])
    print("exports", context.catalog["classify_exports"]._describe()["filepath"])
    print("models", models())
""",
        tmp_path,
        CIRCUIT_SCALING_TEST_DATA="data/test",
    )
    for name, path in (
        ("folder", "data/01_raw/zoo/mini_gpt2_s"),
        ("table", "data/test/04_feature/joint_heads.parquet"),
        ("page", "data/test/08_reporting/report.html"),
        ("exports", "data/test/08_reporting/tables"),
    ):
        assert f"{name} {PROJECT / path}\n" in printed
    assert "models ['mini_gpt2_s', 'mini_pythia_s']" in printed


def test_in_the_project_a_folder_stays_as_the_roster_has_it():
    printed = python(
        """
with KedroSession.create(project_path=project, env="test") as session:
    print("folder", session.load_context().params["models"]["mini_gpt2_s"].folder)
""",
        PROJECT / "docs",
    )
    assert "folder data/01_raw/zoo/mini_gpt2_s\n" in printed


def test_sessions_one_after_the_other_have_the_pipelines_of_their_own(tmp_path):
    printed = python(
        f"""
def load(**given):
    with KedroSession.create(project_path=project, **given) as session:
        return session.load_context()
test = load(env="test")
print("test", models())
own = load()
print("own", len(models()), own.env)
other = load(conf_source={str(elsewhere(tmp_path))!r})
print("other", models())
# A context that is read after others were made answers with its own values.
for name, context in (("test", test), ("other", other), ("own", own)):
    path = context.catalog["joint_heads"]._describe()["filepath"]
    print(name, "root", path.parent.parent)
""",
        tmp_path,
        CIRCUIT_SCALING_TEST_DATA="/of_the_test",
    )
    assert "test ['mini_gpt2_s', 'mini_pythia_s']" in printed
    assert "own 10 None" in printed
    assert "other ['mini_opt']" in printed
    assert "test root /of_the_test\n" in printed
    assert f"other root {tmp_path / 'data'}\n" in printed
    assert f"own root {PROJECT / 'data'}\n" in printed


FOUND = ["__default__", "ablation", "causal", "classify", "import_tables", "join", "report"]
FOUND += ["scaling", "scan", "transfer", "zoo"]


def test_pipelines_are_found_without_arguments(tmp_path):
    printed = python(
        """
found = find_pipelines(raise_errors=True)
print("found", sorted(found))
print("same", all(set(found[n].nodes) == set(pipelines[n].nodes) for n in found if n[0] != "_"))
print("models", models())
""",
        tmp_path,
        KEDRO_ENV="test",
    )
    assert f"found {FOUND}" in printed
    assert "same True" in printed
    assert "models ['mini_gpt2_s', 'mini_pythia_s']" in printed


ROSTER = "parameters_models.yml"
NO_GRAPH = [
    ("globals.yml", "roster: mine", "roster: yours", "'_rosters.yours' not found"),
    ("globals.yml", "roster: mine\n", "", "Globals key 'roster' not found"),
    ("globals.yml", "n_boot: 200\n", "", "Globals key 'n_boot' not found"),
    ("globals.yml", "roster: mine", "roster: [", "Invalid YAML or JSON file"),
    (
        *("globals.yml", "roster: mine", "default_pipelines: [scan, scn]\nroster: mine"),
        "'scn'. There are: scan, join, classify",
    ),
    (
        *("globals.yml", "roster: mine", "default_pipelines: scan\nroster: mine"),
        "no list of pipelines: 'scan'. There are: scan, join, classify",
    ),
    (ROSTER, "  mine:\n    mini_opt:\n", "  mine:\n  - mini_opt:\n", "valid dictionary"),
    (ROSTER, "mini_opt:\n", "mini-opt:\n", "'mini-opt' cannot be a slug"),
    (ROSTER, "n_heads: 12", "n_heads: 0", "mini_opt: n_heads: Input should be greater than 0"),
    (ROSTER, "models: ", "modells: ", "'models' is missing in parameters_models.yml"),
]


def test_a_configuration_that_gives_no_graph_is_one_line(tmp_path):
    confs = []
    for number, (file, old, new, _) in enumerate(NO_GRAPH):
        confs.append(elsewhere(tmp_path / str(number)))
        path = confs[-1] / "base" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
    printed = python(
        f"""
import click
for conf in {[str(conf) for conf in confs]}:
    try:
        with KedroSession.create(project_path=project, conf_source=conf) as session:
            session.run(pipeline_names=["classify"])
    except click.ClickException as error:
        print("said:", repr(error.message))
""",
        PROJECT,
    )
    said = [line for line in printed.splitlines() if line.startswith("said: ")]
    assert len(said) == len(NO_GRAPH)
    for message, (_, _, _, words) in zip(said, NO_GRAPH, strict=True):
        assert words in message
        assert "\\n" not in message


def test_an_environment_that_is_not_there(tmp_path):
    status, printed = in_process(["-m", "kedro", "run", "--env", "tset"], PROJECT)
    assert (status, "Traceback" in printed) == (1, False)
    assert f"There is no environment 'tset' in '{PROJECT / 'conf'}': there are base" in printed
