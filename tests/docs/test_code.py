"""Code on pages does what it says: Python runs, YAML is YAML, commands and their options exist."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from functools import cache
from importlib.util import find_spec
from itertools import pairwise

import click
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from kedro.framework.cli.cli import KedroCLI
from kedro.framework.project import pipelines

from docs.generate.parameters import blocks as parameter_blocks
from tests.conftest import PROJECT
from tests.docs.written import Block, blocks, blocks_of

_OTHERS = {  # programs that are not the project's own
    *("source", "pip", "apt-get", "dask", "sbatch", "jupyter", "set", "export", "for", "done"),
    *("git", "cd", "ls"),
}
_ASSIGNMENT = re.compile(r"\w+=.*")
_OF_THE_SHELL = re.compile(r"\w+=[($].*")  # arrays, and what a command answers
_TARGETS = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.M))
_PYTHON = blocks("python")
_OF_A_RUN = ("circuit_scaling.load(", "catalog.load(")
"""They and what follows them on a page need the tables of a run: tests/end_to_end has one."""


@pytest.mark.parametrize("page", sorted({block.page for block in _PYTHON}))
def test_python_runs_block_by_block(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    names: dict[str, object] = {"__name__": "__page__"}
    of_a_run = False
    for block in (block for block in _PYTHON if block.page == page):
        of_a_run = of_a_run or any(call in block.code for call in _OF_A_RUN)
        if of_a_run or block.reason or block.code.startswith("%"):  # magics are for notebooks
            compile(TransformerManager().transform_cell(block.code), str(block), "exec")
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block.code, str(block), "exec"), names)  # noqa: S102 - that is the test


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_is_yaml(block: Block) -> None:
    assert isinstance(yaml.safe_load(block.code), dict)


@pytest.mark.parametrize("block", blocks("bash"), ids=str)
def test_commands_are_known(block: Block) -> None:
    assert [wrong for line in lines(block.code) if (wrong := unknown_in(line))] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("kedro run --pipelines scan,joyn", "joyn"),
        ("kedro run --resumee", "resumee"),
        ("kedro run --env nowhere", "nowhere"),
        ("kedro run --params clasify.tau=0.1", "clasify"),
        ("kedro rum", "rum"),
        ("make runn", "runn"),
        ("python -m benchmarks.nothing", "benchmarks.nothing"),
        ("kedor run", "kedor"),
        ("A=1 kedro run --namespaces scam.gpt2", "scam"),
        ("make run && kedro rum", "rum"),
        ("make run   # the study", ""),
        ("kedro run --params import.joint_table=PATH,classify.tau=0.1 --env real", ""),
        ("kedro cluster --local 4", ""),
    ],
)
def test_a_command_that_does_not_exist_is_seen(line: str, said: str) -> None:
    found = unknown_in(line)
    assert said in found if said else not found


def test_blocks_are_found_with_their_language_and_reason() -> None:
    text = "a\n```bash\nmake run\n```\n<!-- not run: needs a GPU -->\n\n```python\nx = 1\n```\n"
    found = [(b.language, b.code, b.reason) for b in blocks_of("page", text)]
    assert found == [("bash", "make run\n", ""), ("python", "x = 1\n", "needs a GPU")]


def lines(code: str) -> list[str]:
    """The commands of a script, each on one line."""
    whole = code.replace("\\\n", " ").splitlines()
    return [line.strip() for line in whole if line.strip() and not line.lstrip().startswith("#")]


def unknown_in(line: str) -> str:
    """What a line of a script names that does not exist; empty where all of it does."""
    words = [] if _OF_THE_SHELL.match(line) else shlex.split(line, comments=True)
    commands: list[list[str]] = [[]]
    for word in words:
        if word in ("&&", "||", ";", "|", "do"):
            commands.append([])
        else:
            commands[-1].append(word)
    return "; ".join(wrong for command in commands if (wrong := _unknown(command)))


def _unknown(words: list[str]) -> str:
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    if not words:
        return ""
    program, rest = words[0].rpartition("/")[2], words[1:]
    if program == "kedro":
        return _unknown_to_kedro(rest)
    if program == "make":
        return " ".join(w for w in rest if w not in _TARGETS and "=" not in w and w[0] != "-")
    if program == "python" and rest[:1] == ["-m"]:
        return "" if find_spec(rest[1]) else rest[1]
    if program == "python":
        return "" if rest and rest[0].startswith("-") or (PROJECT / rest[0]).exists() else rest[0]
    return "" if program in _OTHERS | {"pytest", "circuit-scaling", "echo"} else program


def _unknown_to_kedro(words: list[str]) -> str:
    command: click.Command = _kedro()
    context = click.Context(command)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"kedro {words[0]}"
        command, words = found, words[1:]
    try:
        command.make_context(command.name or "", list(words))
    except Exception as error:  # noqa: BLE001 - click and the project say it each in its way
        return str(getattr(error, "message", error))
    return "; ".join(_unknown_values(words))


@cache
def _kedro() -> click.Group:
    return KedroCLI(PROJECT)


@cache
def _parameters() -> set[str]:
    return {*parameter_blocks(), "left_out"}


def _unknown_values(words: list[str]) -> list[str]:
    """Environments, pipelines, namespaces and blocks of parameters that do not exist."""
    wrong = []
    for option, value in pairwise(words):
        parts = value.split(",")
        if option in ("--env", "-e") and not (PROJECT / "conf" / value).is_dir():
            wrong += [] if value.isupper() else [value]
        elif option in ("--pipelines", "--pipeline"):
            wrong += [name for name in parts if name not in pipelines]
        elif option == "--namespaces":
            wrong += [name for name in parts if _stage(name) not in pipelines]
        elif option == "--params":
            names = [part.partition("=")[0].partition(".")[0] for part in parts if "=" in part]
            wrong += [name for name in names if name not in _parameters()]
    return wrong


def _stage(namespace: str) -> str:
    stage = namespace.partition(".")[0]
    return "scan" if stage.startswith("$") else stage
