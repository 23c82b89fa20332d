"""A stored table says at which commit of the project it was made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from circuit_scaling.datasets import TableDataset, commit
from circuit_scaling.datasets.commit import commit_at, commit_of, project_commit
from circuit_scaling.pipelines.report.nodes import _commits


def git(folder: Path, *arguments: str) -> str:
    named = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *named, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the package in it, as it is laid out here."""
    root = tmp_path / "project"
    room = root / "src" / "package" / "room"
    room.mkdir(parents=True)
    (room / "module.py").write_text("one = 1\n")
    git(root, "init", "--initial-branch", "main")
    git(root, "add", ".")
    git(root, "commit", "--message", "first")
    return root


def module_of(root: Path) -> Path:
    return root / "src" / "package" / "room" / "module.py"


def test_the_commit_of_the_checkout(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")[:12]
    assert commit_at(module_of(checkout)) == head
    (checkout / "notes.txt").write_text("not code")
    assert commit_at(module_of(checkout)) == head
    module_of(checkout).write_text("one = 2\n")
    assert commit_at(module_of(checkout)) == f"{head}+changes"


def test_a_new_module_is_a_change(checkout: Path) -> None:
    module_of(checkout).with_name("other.py").write_text("")
    assert commit_at(module_of(checkout)) == f"{git(checkout, 'rev-parse', 'HEAD')[:12]}+changes"


def test_packed_references_and_worktrees(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "pack-refs", "--all")
    assert commit_at(module_of(checkout)) == git(checkout, "rev-parse", "HEAD")[:12]
    second = tmp_path / "second"
    git(checkout, "worktree", "add", "-b", "other", str(second))
    module_of(second).write_text("one = 3\n")
    git(second, "commit", "--all", "--message", "second")
    assert commit_at(module_of(second)) == git(second, "rev-parse", "HEAD")[:12]
    assert commit_at(module_of(second)) != commit_at(module_of(checkout))


def test_a_package_installed_inside_a_repository_is_no_part_of_it(checkout: Path) -> None:
    installed = checkout / ".venv" / "site-packages" / "package" / "room" / "module.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("one = 1\n")
    assert commit_at(installed) is None


def test_outside_any_repository(tmp_path: Path) -> None:
    module = module_of(tmp_path)
    module.parent.mkdir(parents=True)
    module.write_text("")
    assert commit_at(module) is None


def test_without_git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert commit_at(module_of(checkout)) is None


def test_the_repository_of_a_git_hook_is_not_asked(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "elsewhere")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere" / ".git"))
    assert commit_at(module_of(checkout)) is not None


def store(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    dataset = TableDataset(filepath=str(path))
    dataset.save(table)
    return dataset.load()


def test_a_stored_table_carries_it_and_what_it_carried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "project_commit", lambda: "abc")
    table = pd.DataFrame({"a": [1]})
    table.attrs = {"made_from": "0f", "commit": "of what it was made from"}
    back = store(tmp_path / "table.parquet", table)
    assert back.attrs == {"made_from": "0f", "commit": "abc"}
    assert commit_of(back) == "abc"
    assert table.attrs["commit"] == "of what it was made from"


def test_an_installed_package_writes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "project_commit", lambda: None)
    table = pd.DataFrame({"a": [1]})
    table.attrs = {"commit": "of what it was made from"}
    assert commit_of(store(tmp_path / "table.parquet", table)) is None


def test_the_report_collects_those_of_the_tables_that_it_has() -> None:
    tables = {name: pd.DataFrame({"a": [1]}) for name in ("x", "y", "z", "none")}
    for name, made_at in (("x", "abc"), ("y", "def"), ("z", "abc")):
        tables[name].attrs["commit"] = made_at
    assert _commits(tables) == {"abc": ["x", "z"], "def": ["y"]}


def test_it_is_asked_once_in_a_run() -> None:
    assert project_commit() is project_commit()


def test_changes_that_git_does_not_tell_of_are_no_clean_commit(monkeypatch) -> None:
    """git status may take too long; the others answer at once."""
    monkeypatch.setattr(commit, "_git", lambda _folder, what, *_: {"rev-parse": "3f"}.get(what, ""))
    assert commit.commit_at(Path(commit.__file__)) == "3f"
    monkeypatch.setattr(
        commit, "_git", lambda _folder, what, *_: {"rev-parse": "3f", "ls-files": ""}.get(what)
    )
    assert commit.commit_at(Path(commit.__file__)) == "3f+unknown"
