"""Files that are damaged or hold something else: YAML, checkpoints, and tables to import."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from tests.conftest import PROJECT
from tests.helpers.given_retrieval import ablations, rankings
from tests.helpers.given_tables import clean
from tests.helpers.task_files import ioi_rows
from tests.pipelines.bad_inputs.case import Case

CLASSIFY = "base/parameters_classify.yml"
BOMB = "".join(
    f"_{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10) if level else '1, 2, 3'}]\n"
    for level in range(9)
)


def yaml(name: str, new: str, *words: str, old: str = "") -> Case:
    """A text in place of ``old`` in parameters_classify.yml, or at its end."""
    return Case(f"YAML: {name}", ("parameters_classify.yml", *words), edits=((CLASSIFY, old, new),))


def checkpoint(name: str, damage: Callable[[Path], object], *words: str) -> Case:
    """A copy of an embedded model that something is done to."""

    def prepare(tmp: Path) -> None:
        shutil.copytree(PROJECT / "data" / "01_raw" / "zoo" / "mini_gpt2_s", tmp / "model")
        damage(tmp / "model")

    params = ("models.mini_gpt2_s.folder=TMP/model",)
    return Case(f"checkpoint: {name}", words, params=params, prepare=prepare)


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def other_shape(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"n_layer": 5}))


def without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def heads(name: str, change: Callable[[Path], None], *words: str, keep: bool = False) -> Case:
    """A table of heads to import."""
    params = ("import.joint_table=TMP/heads.csv", *(["import.on_suspect=keep"] if keep else []))
    return Case(
        *(f"imported heads: {name}", words, params),
        prepare=change,
        pipelines="import_tables",
        begins=True,
    )


def with_value(tmp: Path, column: str, value: object) -> None:
    table = clean().astype({column: object})
    table.loc[3, column] = value
    table.to_csv(tmp / "heads.csv", index=False)


def with_model(tmp: Path, name: str) -> None:
    table = clean()
    table["model"] = table["model"].replace(table["model"][0], name)
    table.to_csv(tmp / "heads.csv", index=False)


def layout(
    name: str, change: Callable[[pd.DataFrame], pd.DataFrame], settings: str, *words: str
) -> Case:
    """A table of heads in another layout, and what is said of it."""
    return Case(
        *(f"imported heads: {name}", words, (f"import.joint_table=TMP/heads.csv{settings}",)),
        prepare=lambda tmp: change(clean()).to_csv(tmp / "heads.csv", index=False),
        pipelines="import_tables",
        begins=True,
    )


def detector(name: str, file: str, text: str, *words: str) -> Case:
    """A file of a detector of retrieval heads."""
    return Case(
        *(f"imported rankings: {name}", words, (f"import.head_rankings=TMP/{file}",)),
        prepare=lambda tmp: (tmp / file).write_text(text),
        pipelines="import_retrieval",
        begins=True,
    )


def ranked(name: str, column: str, value: object, *words: str, keep: bool = True) -> Case:
    """A table of rankings to import, with another value in one row."""

    def prepare(tmp: Path) -> None:
        table = rankings().astype({column: object})
        table.loc[3, column] = value
        table.to_csv(tmp / "rankings.csv", index=False)

    params = (
        "import.head_rankings=TMP/rankings.csv",
        *(["import.on_suspect=keep"] if keep else []),
    )
    return Case(
        *(f"imported rankings: {name}", words, params),
        prepare=prepare,
        pipelines="import_retrieval",
        begins=True,
    )


def masked(name: str, column: str, value: object, *words: str) -> Case:
    """A table of accuracies to import, with another value in one row."""

    def prepare(tmp: Path) -> None:
        table = ablations().astype({column: object})
        table.loc[3, column] = value
        table.to_csv(tmp / "masked.csv", index=False)

    params = ("import.ablation_results=TMP/masked.csv", "import.on_suspect=keep")
    return Case(
        *(f"imported accuracies: {name}", words, params),
        prepare=prepare,
        pipelines="import_retrieval",
        begins=True,
    )


def asked(name: str, make: Callable[[Path], object], *words: str, **options: Any) -> Case:
    """A file of prompts, ``mine.csv``, as the task ``mine``; its run is refused."""
    params = ("tasks.mine.build=file", "tasks.mine.file=TMP/mine.csv", *options.pop("params", ()))
    return Case(f"a task from a file: {name}", words, params, prepare=make, **options)


def with_rows(tmp: Path, keep: int | None = None, drop: str | None = None) -> None:
    rows = ioi_rows().head(keep) if keep is not None else ioi_rows()
    rows.drop(columns=[drop] if drop else []).to_csv(tmp / "mine.csv", index=False)


def with_cell(tmp: Path, column: str, of: str) -> None:
    rows = ioi_rows()
    rows.loc[2, column] = rows.loc[2, of]
    rows.to_csv(tmp / "mine.csv", index=False)


def with_every(tmp: Path, column: str, value: str) -> None:
    ioi_rows().assign(**{column: value}).to_csv(tmp / "mine.csv", index=False)


def repeated(tmp: Path) -> None:
    rows = ioi_rows()
    rows.loc[[0] * len(rows)].to_csv(tmp / "mine.csv", index=False)


def not_utf8(tmp: Path) -> None:
    (tmp / "mine.csv").write_bytes(ioi_rows().to_csv(index=False).encode("utf-16"))


YAML = (
    yaml("a tab", "classify:\n\ttau: 1\n", "line", "a tab", old="classify:\n"),
    yaml("a key twice", "  tau: 0.1\n", "line 9: 'tau' is there twice"),
    Case(
        "YAML: a list",
        ("globals.yml, line 1: the file must hold",),
        prepare=lambda tmp: (tmp / "conf" / "test" / "globals.yml").write_text("- roster: test\n"),
    ),
    yaml("half a list", "_x: [1, 2\n", "line", "no YAML"),
    yaml("a name without end", '_x: "abc\n', "line", "no YAML"),
    yaml("an alias of nothing", "_x: *nothing\n", "line 9", "alias"),
    yaml("aliases of aliases of aliases", BOMB, "at most 200,000"),
    yaml("an alias inside itself", "_x: &x [1, *x]\n", "inside what it names"),
    yaml("a tag", "_x: !!python/object/apply:os.getcwd []\n", "os.getcwd"),
)
CHECKPOINTS = (
    checkpoint("no config.json", without_config, "has no config.json"),
    checkpoint(
        "config.json is cut off",
        lambda folder: (folder / "config.json").write_text('{"n_layer": 4'),
        *("'mini_gpt2_s' cannot be loaded", "config.json' cannot be read"),
    ),
    checkpoint("other layers", other_shape, "the roster says 4 layers", "the checkpoint has 5"),
    checkpoint("weights are cut off", cut, "model.safetensors' cannot be read", "bytes"),
    checkpoint(
        "weights are something else",
        lambda folder: (folder / "model.safetensors").write_bytes(b"<html>no such model</html>"),
        "model.safetensors' cannot be read",
    ),
    checkpoint("it is gone", shutil.rmtree, "no checkpoint folder", "roster"),
    Case(
        "no such package",
        ("'no_such_package', which is not installed",),
        params=("models.mini_gpt2_s.package=no_such_package,models.mini_gpt2_s.folder=null",),
    ),
    Case(
        "no such GGUF file",
        ("there is no file 'q4.gguf'",),
        params=("models.mini_gpt2_s.gguf=q4.gguf",),
    ),
)
IMPORTS = (
    heads("no file", lambda tmp: None, "no file", "heads.csv"),
    heads("an effect of 1e300", partial(with_value, column="delta_ioi", value=1e300), "row 4"),
    heads("a head of 1e18", partial(with_value, column="head", value=10**18), "0 to 1999"),
    heads(
        "a head of 1e18 that is kept",
        partial(with_value, column="head", value=10**18),
        "0 to 1999",
        keep=True,
    ),
    heads("infinity", partial(with_value, column="delta_ioi", value="inf"), "not finite"),
    heads("a name of 300 characters", partial(with_model, name="m" * 300), "100 characters"),
    heads("text for a number", partial(with_value, column="delta_anti", value="x"), "not a number"),
    layout("one task", lambda t: t.drop(columns="delta_anti"), "", "one task only, delta_ioi"),
    layout(
        "no family",
        lambda t: t.drop(columns="family").replace("gpt2", "mine"),
        *("", "mine is in no roster", "Add the column"),
    ),
    layout(
        "counted from 1",
        lambda t: t.assign(layer=t["layer"] + 1, head=t["head"] + 1),
        *("", "none of number 0", "import.count_from=1"),
    ),
    layout(
        "a misspelt name of a column",
        lambda t: t.rename(columns={"delta_ioi": "effect"}),
        *(",import.columns.delta_ioi=efect", "has no column efect", "it has family, model"),
    ),
    Case(
        "imported heads: two columns in one",
        ("'x' cannot be delta_ioi and delta_anti at once",),
        ("import.columns.delta_ioi=x,import.columns.delta_anti=x",),
        pipelines="import_tables",
    ),
    Case(
        "imported rankings: a misspelt setting",
        ("import.head_rankings.0.metod", "Did you mean 'method'?"),
        ("import.head_rankings.file=x.json,import.head_rankings.metod=x",),
        pipelines="import_retrieval",
    ),
    detector("no scores", "s.json", "[1, 2]", "holds no scores of heads", "0-3"),
    ranked("no end to a score", "score", "inf", "score is infinite in row 4"),
    ranked("a score of 1e300", "score", 1e300, "score is beyond 1,000,000,000"),
    ranked("a head of 1e18", "head", 10**18, "0 to 1999"),
    ranked("a name of 300 characters", "method", "m" * 300, "100 characters"),
    masked("an accuracy of 1e300", "accuracy", 1e300, "accuracy is beyond"),
    masked("1e18 heads", "n_heads", 1e18, "n_heads is"),
)
TASK_FILES = (
    asked("no file", lambda tmp: None, "tasks.mine.file: There is no file", "mine.csv'"),
    asked(
        "an empty file",
        lambda tmp: (tmp / "mine.csv").touch(),
        "mine.csv' cannot be read: No columns",
    ),
    asked("a header alone", partial(with_rows, keep=0), "mine.csv' has no rows"),
    asked("not UTF-8", not_utf8, "mine.csv' is not UTF-8"),
    asked("a column is missing", partial(with_rows, drop="distractor"), "no column distractor"),
    asked(
        "an answer that is the distractor",
        partial(with_cell, column="answer", of="distractor"),
        "answer is the distractor as well in row 3",
    ),
    asked(
        "a corrupt text that is the clean one",
        partial(with_cell, column="corrupt", of="clean"),
        "corrupt is the clean text itself in row 3",
    ),
    asked(
        "answers of two tokens",
        partial(with_every, column="answer", value="New York"),
        *("answer or distractor is not one token", "80 rows"),
        begins=True,
    ),
    asked(
        "texts of two lengths",
        partial(with_every, column="corrupt", value="Then Mary saw"),
        "clean and corrupt differ in length",
        begins=True,
    ),
    asked("one row again and again", repeated, "there twice, such as row 2", begins=True),
    asked(
        "no corrupt version to trace",
        partial(with_every, column="clean", value="The sky is"),
        *("join.ioi: 'mine' cannot be traced", "row 1 does not hold its distractor"),
        params=("tasks.mine.reference=mine", "join.ioi=mine"),
        pipelines="scan,join,classify,causal",
    ),
    Case(
        "prompts that cannot be traced",
        ("join.ioi: 'anti_lists' cannot be traced", "build: lists", "run without causal"),
        params=("join.ioi=anti_lists",),
        pipelines="causal",
    ),
)
FILES = (*YAML, *CHECKPOINTS, *IMPORTS, *TASK_FILES)
