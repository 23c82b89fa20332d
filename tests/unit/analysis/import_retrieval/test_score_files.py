"""Files of published detectors become rankings, and columns of other names those of the project."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.import_retrieval.imported import import_retrieval_tables
from circuit_scaling.analysis.import_tables.settings import ImportSettings
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.roster import Rosters
from circuit_scaling.tables.retrieval import HEAD_RANKINGS
from tests.helpers.given_retrieval import AXES, ablations, rankings

NO_ROSTERS = Rosters({})
# Of one sample, of two, and of none that was found.
WU = {"0-0": [0, 0.5], "0-1": [0.75], "1-0": 0.1, "10-3": [1, 0, 0.4]}
BEST = [(0, 1), (10, 3), (0, 0), (1, 0)]


def imported(*files: object, **settings: object) -> pd.DataFrame:
    given = ImportSettings.model_validate({"head_rankings": list(files), **settings})
    return HEAD_RANKINGS.validate(import_retrieval_tables(given, NO_ROSTERS).head_rankings)


def refusal(*files: object, **settings: object) -> str:
    with pytest.raises(CircuitScalingError) as caught:
        imported(*files, **settings)
    assert "\n" not in caught.value.message
    return caught.value.message


def written(folder: Path, text: object, name: str = "scores.json") -> str:
    path = folder / name
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return str(path)


def heads(ranked: pd.DataFrame) -> list[tuple[int, int]]:
    ordered = ranked.sort_values("rank")
    assert ordered["rank"].tolist() == list(range(1, len(ranked) + 1))
    return list(zip(ordered["layer"], ordered["head"], strict=True))


def test_scores_of_every_sample_are_averaged(tmp_path: Path) -> None:
    """As the README of the repository does, by numpy's mean."""
    asked = {"method": "Wu24", "model": "llama", "question": "needle", "token_length": 50_000}
    found = imported({"file": written(tmp_path, WU), **asked})
    assert found[AXES].drop_duplicates().to_dict("records") == [asked]
    assert heads(found) == BEST
    means = {tuple(map(int, name.split("-"))): np.mean(scores) for name, scores in WU.items()}
    scores = dict(zip(zip(found["layer"], found["head"], strict=True), found["score"], strict=True))
    assert scores == pytest.approx(means, abs=1e-15)


def test_pairs_of_a_detector_and_the_best_heads_of_a_configuration(tmp_path: Path) -> None:
    pairs = [[f"{layer}-{head}", 1 - place / 4] for place, (layer, head) in enumerate(BEST)]
    assert heads(imported(written(tmp_path, pairs))) == BEST
    best = [(14, 22), (13, 16), (14, 28), (16, 19)]
    for separator in "-_":
        listed = ",".join(f"{layer}{separator}{head}" for layer, head in best)
        text = f'# a comment\nattn_head_set: "{listed}" # top4\nmodel_name_or_path: "org/Name"\n'
        found = imported(written(tmp_path, text, "NQ.yaml"))
        assert heads(found) == best
        assert found["score"].isna().all()
        assert set(found["model"]) == {"org/Name"}
    named = imported({"file": str(tmp_path / "NQ.yaml"), "model": "name", "count_from": 1})
    assert set(named["model"]) == {"name"}
    assert heads(named)[0] == (13, 21)


def test_files_of_several_detectors_are_one_table(tmp_path: Path) -> None:
    one = {"file": written(tmp_path, WU), "method": "Wu24", "model": "m"}
    table = rankings().assign(model="m")
    table.to_csv(tmp_path / "others.csv", index=False)
    found = imported(one, str(tmp_path / "others.csv"), on_suspect="keep")
    assert found["method"].value_counts().to_dict() == {"Wu24": 4, "mine": 192, "yours": 192}
    changed = {**one, "file": written(tmp_path, {**WU, "0-0": 0.9}, "other.json")}
    assert imported(changed)["fingerprint"][0] != imported(one)["fingerprint"][0]
    assert imported(one | {"method": "x"})["fingerprint"][0] != imported(one)["fingerprint"][0]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("s.json", "{", "cannot be read as JSON"),
        ("s.json", {}, "holds no scores of heads"),
        ("s.json", [1, 2], "holds no scores of heads"),
        ("s.json", {"0-3": "high"}, "the score of 0-3 is no number up to 1,000,000,000 (high)"),
        ("s.json", {"0-3": [0.1, None]}, "the score of 0-3 is no number"),
        ("s.json", {"0-3": {"a": 1}}, "the score of 0-3 is no number"),
        ("s.json", '{"0-3": 1e999}', "the score of 0-3 is no number"),
        ("s.json", {"0-3": 0.1, "x": 0.2}, "head names no layer and head, such as L0H3, in row 2"),
        ("s.json", {"0-3": []}, "score is missing"),
        ("s.yaml", "model: x\n", "has no attn_head_set"),
        ("s.yaml", "attn_head_set: full_heads\n", "full_heads, which ranks none"),
        ("s.yaml", 'attn_head_set: "1-2,x"\n', "head names no layer and head"),
        ("s.yaml", 'attn_head_set: "1-2,1-1,2-0,3-1"\n', "in the order of layers"),
        ("s.yaml", "attn_head_set: [\n", "no YAML"),
    ],
)  # fmt: skip
def test_files_that_rank_no_heads(tmp_path: Path, name: str, text: object, words: str) -> None:
    message = refusal(written(tmp_path, text, name))
    assert words in message
    assert str(tmp_path / name) in message


def test_a_head_that_comes_twice_in_json_is_found(tmp_path: Path) -> None:
    with pytest.raises(CircuitScalingError, match="2 rows in place of 1"):
        imported(written(tmp_path, '{"0-3": 0.1, "0-3": 0.2, "0-4": 0.3}'))


def test_columns_of_other_names_in_rankings_and_accuracies(tmp_path: Path) -> None:
    called = {"method": "detector", "token_length": "tokens", "model": "m"}
    ranked = {"score": "value", "head": "component", "rank": "place"}
    masked = {"n_heads": "k", "set_type": "kind", "accuracy": "acc", "baseline_accuracy": "clean"}
    names = [
        f"{at}-{head}" for at, head in zip(rankings()["layer"], rankings()["head"], strict=True)
    ]
    theirs = rankings().assign(head=names).drop(columns="layer").rename(columns=called | ranked)
    theirs.to_csv(tmp_path / "ranked.csv", index=False)
    accuracies = ablations().rename(columns=called | masked)
    accuracies.to_csv(tmp_path / "masked.csv", index=False)
    files = {
        "head_rankings": str(tmp_path / "ranked.csv"),
        "ablation_results": str(tmp_path / "masked.csv"),
        "columns": called | ranked | masked,
    }

    def both(**changed: object) -> tuple[pd.DataFrame, pd.DataFrame]:
        settings = ImportSettings.model_validate(files | changed)
        found = import_retrieval_tables(settings, NO_ROSTERS)
        return found.head_rankings, found.ablation_results

    found_ranked, found_masked = both()
    for found, table in ((found_ranked, rankings()), (found_masked, ablations())):
        pd.testing.assert_frame_equal(
            found[list(table)], table, check_exact=True, check_dtype=False
        )
    accuracies.rename(columns={"detector": "method"}).to_csv(tmp_path / "masked.csv", index=False)
    with pytest.raises(CircuitScalingError, match=r"masked\.csv' has no column detector"):
        both()
    own = {"file": files["ablation_results"], "columns": {"method": "method"}}
    assert both(ablation_results=own)[1]["method"].equals(found_masked["method"])
    accuracies = accuracies.astype({"acc": object})
    accuracies.loc[3, "acc"] = "half"
    accuracies.to_csv(tmp_path / "masked.csv", index=False)
    with pytest.raises(CircuitScalingError, match=r"acc is not a number in row 4 \(half\)"):
        both()
    theirs.astype({"value": object}).assign(value="x").to_csv(tmp_path / "ranked.csv", index=False)
    with pytest.raises(CircuitScalingError, match=r"value is not a number in row 1 \(x\)"):
        both()


def test_masked_heads_counted_from_1(tmp_path: Path) -> None:
    given = ablations().head(3).assign(heads=["L3H5 L4H1", "L1H1 L2H2", "L1H3 L2H4"])
    given.to_csv(tmp_path / "masked.csv", index=False)
    settings = {"ablation_results": str(tmp_path / "masked.csv"), "count_from": 1}
    found = import_retrieval_tables(ImportSettings.model_validate(settings), NO_ROSTERS)
    assert [list(one) for one in found.ablation_results["layers"]] == [[2, 3], [0, 1], [0, 1]]
    assert [list(one) for one in found.ablation_results["heads"]] == [[4, 0], [0, 1], [2, 3]]
