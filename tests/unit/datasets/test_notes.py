"""Notes are replaced whole, each for itself, and what else lies in their folder stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuit_scaling.datasets import NotesDataset
from circuit_scaling.errors import CircuitScalingError


def test_notes_come_back_and_other_files_stay(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    dataset = NotesDataset(str(folder), ["a.md", "b.md"])
    assert not dataset.exists()
    dataset.save({"a.md": "τ = 0.05\n", "b.md": "old"})
    (folder / "mine.md").write_text("my own")
    dataset.save({"a.md": "τ = 0.05\n", "b.md": "new"})
    assert dataset.exists()
    assert dataset.load() == {"a.md": "τ = 0.05\n", "b.md": "new"}
    assert sorted(path.name for path in folder.iterdir()) == ["a.md", "b.md", "mine.md"]


def test_other_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="expected the notes"):
        NotesDataset(str(tmp_path), ["a.md"]).save({"b.md": ""})


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("")
    with pytest.raises(Exception) as caught:
        NotesDataset(str(tmp_path / "notes"), ["a.md"]).save({"a.md": ""})
    assert "is a file, and a folder should be there" in str(caught.value)
    assert isinstance(caught.value.__cause__ or caught.value, CircuitScalingError)
