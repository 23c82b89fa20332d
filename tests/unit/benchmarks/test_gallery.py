"""The gallery of the README: its words are those of the tables beside the figures."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmarks import captions, gallery

PROJECT = Path(__file__).parents[3]
MARKS = "".join(
    f"<!-- gallery {block}: written by make gallery -->\n<!-- end of {block} -->\nkept {block}\n"
    for block in ("cover", "embedded", "real")
)
LARGEST = 120_000  # bytes of a picture


def heads(*categories: str, **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"model": "m", "category": categories, **more})


ONE_TAU = {"tau": [0.1, 0.1, 0.2, 0.2]}
TOLD = {
    "phase_space": (
        heads("shared", "weak", "ioi_only", "shared"),
        "The 4 heads of m by their effect on IOI and on anti-repetition. Negative: the model gets"
        " worse without the head. 3 are strong on a task, 2 of them on both.",
    ),
    "categories": (
        pd.DataFrame({"frac_shared": [0.5, 0.104, 0.25]}),
        "Categories of heads in each model: 10 % to 50 % of a model's heads are strong on both"
        " tasks.",
    ),
    "strong_heads": (
        pd.DataFrame({"tau": [0.1, 0.1, 0.05, 0.2, 0.2], "frac_strong": [1, 1, 1, 0.2, 0.2]}),
        "Strong heads against the size of the model and against the threshold: 100 % of a model's"
        " heads are strong on a task at τ = 0.05, and 20 % at τ = 0.2.",
    ),
    "thresholds": (
        heads("shared", "ioi_only", "shared", "weak", **ONE_TAU),
        "The heads of m at every threshold. Strong on a task are 2 of 2 at τ = 0.1, and 1 of 2 at"
        " τ = 0.2.",
    ),
    "layers": (
        pd.DataFrame(
            {"tau": [0.1, 0.1, 0.2, 0.2], "layer": [0, 1, 0, 1], "n_shared": [3, 4, 1, 0]}
        ).assign(n_weak=lambda rows: 4 - rows["n_shared"]),
        "Categories of heads in every layer, at every threshold. Strong on a task are 7 of 8 at"
        " τ = 0.1, and 1 of 8 at τ = 0.2.",
    ),
    "influence": (
        pd.DataFrame(
            {
                "denoising_normalised": [0.5, 0.5, 0.2, np.nan],
                "denoising_normalised_low": [0.4, 0.4, -0.1, np.nan],
                "noising_normalised": [0.5, 0.5, 0.2, np.nan],
                "noising_normalised_low": [0.4, np.nan, 0.1, np.nan],
            }
        ),
        "What hero heads carry of IOI, against their strength under ablation. Of 3 heads 1 carry"
        " it in both directions: their clean output restores it in the corrupt run, and their"
        " corrupt output takes it from the clean one (both intervals above nothing).",
    ),
    "divergence": (
        pd.DataFrame(
            {
                "divergence": ["conserved", "lost", "conserved"],
                "share": [0.3, 0.7, 0.5],
                "chance": [0.4, 0.6, 0.4],
            }
        ),
        "What became of the IOI-like heads of each model at the same layer and head of the others:"
        " 30 % to 50 % are IOI-like there too. Of random heads of those models 40 % would be.",
    ),
    "reads_writes": (
        pd.DataFrame(
            {
                "model": "m",
                "layer": [0, 0, 1, 2, 2],
                "head": [0, 0, 0, 0, 0],
                "task": ["ioi", "ioi", "ioi", "ioi", "anti_names"],
                "verdict": ["does it itself"] * 2
                + ["routes into shared heads", "unclear", "mixed"],
            }
        ),
        "Where the 3 hero heads of m look, what they do, and where they write to. On IOI, do it"
        " themselves: 1, route into other heads: 1, unclear: 1.",
    ),
    "heroes_of_all": (
        pd.DataFrame(
            {
                "task": ["ioi", "ioi", "ioi", "anti_names"],
                "competent": [True, True, False, True],
                "matched_difference": [-1.0, 1.0, -1.0, -1.0],
                "matched_p": [0.01, 0.01, 0.01, 0.2],
            }
        ),
        "Hero heads ablated together, against random heads of the same layers. They cost more"
        " (p < 0.05) in 1 of the 2 models that can do IOI and in 0 of the 1 models that can do"
        " anti-repetition.",
    ),
    "heroes": (
        pd.DataFrame(
            {
                "model": "m",
                "task": ["ioi", "ioi", "anti_names"],
                "k": [3, 9, 12],
                "clean_accuracy": [0.9, 0.9, 0.5],
                "accuracy": [0.6, 0.25, 0.5],
                "matched_accuracy": [0.9, 0.85, 0.5],
            }
        ),
        "Right answers on IOI of m: 90 % as it is, 25 % without its 9 hero heads, 85 % without as"
        " many random heads of the same layers.",
    ),
    "scores": (
        pd.DataFrame(
            {
                "model": "m",
                "method": ["summed_attention", "summed_attention", "wu24"],
                "layer": [1, 2, 3],
                "head": [4, 5, 6],
                "score": [0.1, 0.2, 0.01],
            }
        ),
        "Which heads of m read the document. The highest scores: L2H5 by Summed Attention, L3H6 by"
        " Wu24.",
    ),
    "masking": (
        pd.DataFrame(
            {
                "model": "m",
                "question": ["all", "all", "all", "inc_year"],
                "answered": [True, True, True, True],
                "n_heads": [4, 12, 12, 12],
                "baseline_accuracy": [1.0, 1.0, 0.9, 0.1],
                "accuracy": [0.8, 0.2, 0.05, 0.1],
                "random_accuracy": [1.0, 0.9, 0.9, 0.1],
            }
        ),
        "Right answers of m without the heads that read the document: 90 % to 100 % as it is,"
        " 5 % to 20 % without the best 12 heads of a method, 90 % without as many random ones.",
    ),
    "overlap": (
        pd.DataFrame({"value": [0.5, 0.25], "chance": [0.1, 0.1], "ceiling": [0.7, 0.8]}),
        "How far two methods find the same heads: a Jaccard overlap of 0.25 to 0.50, by chance"
        " 0.10. Two halves of the samples agree to 0.70 to 0.80.",
    ),
}
SHOWN = {picture.figure: picture for picture in (*gallery.EMBEDDED, *gallery.REAL, gallery.COVER)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "README.md").write_text(f"begin\n{MARKS}end\n", encoding="utf-8")
    return tmp_path


def stored(data: Path, *pictures: gallery.Picture) -> Path:
    """A data root in which these were drawn, with the tables above."""
    folder = data / "08_reporting" / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    for figure, caption in pictures:
        TOLD[caption.__name__][0].to_csv(folder / f"{figure}.csv", index=False)
        Image.effect_noise((200, 100), 50).convert("RGBA").save(folder / f"{figure}.png")
    return data


@pytest.mark.parametrize("caption", TOLD)
def test_words_follow_the_table(caption: str) -> None:
    table, told = TOLD[caption]
    assert getattr(captions, caption)(table) == told


def test_every_caption_is_tried_here() -> None:
    assert {picture.caption.__name__ for picture in SHOWN.values()} == set(TOLD)


def test_no_number_is_typed_by_hand() -> None:
    tree = ast.parse(inspect.getsource(captions))
    formats = [part.format_spec for part in ast.walk(tree) if isinstance(part, ast.FormattedValue)]
    in_formats = {id(part) for spec in formats if spec for part in ast.walk(spec)}
    typed = [
        part.value
        for part in ast.walk(tree)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
        if id(part) not in in_formats and re.search(r"\d", part.value)
    ]
    assert not typed


def test_blocks_hold_pictures_and_captions_and_nothing_else_changes(
    root: Path, tmp_path: Path
) -> None:
    embedded = stored(tmp_path / "a", gallery.COVER, *gallery.EMBEDDED)
    real = stored(tmp_path / "b", *gallery.REAL)
    assert gallery.write_gallery(root, embedded, real) == []
    text = (root / "README.md").read_text(encoding="utf-8")
    for picture in SHOWN.values():
        run = "real" if picture in gallery.REAL else "embedded"
        file = f"docs/images/gallery/{run}/{picture.figure}.png"
        told = TOLD[picture.caption.__name__][1]
        assert f"({file})<br>*{told}*" in text
        with Image.open(root / file) as image:
            assert image.size == (140, 70)
    assert re.sub(r"(?s)(written by make gallery -->\n).*?(<!-- end)", r"\1\2", text) == (
        f"begin\n{MARKS}end\n"
    )
    gallery.write_gallery(root, embedded, real)
    assert (root / "README.md").read_text(encoding="utf-8") == text


def test_a_colour_of_few_pixels_stays(root: Path, tmp_path: Path) -> None:
    data = stored(tmp_path / "a", gallery.COVER)
    pixels = np.random.default_rng(0).integers(0, 255, (1000, 1000, 3)).astype(np.uint8)
    pixels[..., 2] = pixels[..., 1] = pixels[..., 0]  # greys, and some pixels of blue
    pixels[500:600, :, 2] = 255
    pixels[100:110, 100:110] = (232, 145, 45)
    Image.fromarray(pixels).save(data / "08_reporting" / "figures" / f"{gallery.COVER.figure}.png")
    gallery.write_gallery(root, data, tmp_path / "b")
    file = root / "docs" / "images" / "gallery" / "embedded" / f"{gallery.COVER.figure}.png"
    with Image.open(file) as image:
        inside = np.asarray(image.convert("RGB"))[72:75, 72:75].reshape(-1, 3)
    np.testing.assert_allclose(inside, np.tile((232, 145, 45), (9, 1)), atol=16)


def test_what_was_not_drawn_is_named_and_its_block_stays(root: Path, tmp_path: Path) -> None:
    embedded = stored(tmp_path / "a", gallery.EMBEDDED[0])
    (root / "README.md").write_text(
        MARKS.replace("-->\n<!-- end of real", "-->\nold\n<!-- end of real")
    )
    absent = gallery.write_gallery(root, embedded, tmp_path / "b")
    assert len(absent) == len(gallery.EMBEDDED) + len(gallery.REAL)
    text = (root / "README.md").read_text(encoding="utf-8")
    assert text.count("![") == 1
    assert "old\n<!-- end of real -->" in text


def test_a_readme_without_marks_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "README.md").write_text("nothing")
    with pytest.raises(ValueError, match="no block '<!-- gallery cover"):
        gallery.write_gallery(root, stored(tmp_path / "a", gallery.COVER), tmp_path / "b")


def test_the_pictures_of_the_readme_are_there_and_small() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"\((docs/images/gallery/(\w+)/(\w+)\.png)\)<br>\*[^*]+\*", text)
    assert {name for _, run, name in shown if run == "embedded"} == {
        picture.figure for picture in (gallery.COVER, *gallery.EMBEDDED)
    }
    assert {name for _, run, name in shown if run == "real"} <= {p.figure for p in gallery.REAL}
    for file, _, _ in shown:
        assert (PROJECT / file).stat().st_size < LARGEST
    files = {
        path.relative_to(PROJECT).as_posix()
        for path in (PROJECT / "docs/images/gallery").rglob("*.png")
    }
    assert files == {file for file, _, _ in shown}
