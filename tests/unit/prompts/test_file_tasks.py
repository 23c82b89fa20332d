"""A task from a file: what it gives, what it drops, and files that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from tests.helpers.prompt_sets import some_tasks, tokenizer, zoo_prompts

SETTINGS = PromptSettings(n_prompts=40)


def shipped_rows() -> pd.DataFrame:
    """The shipped IOI prompts as a file has them."""
    prompts = zoo_prompts("ioi", 40)
    rows = prompts[prompts["task"] == "ioi"]
    words = tokenizer("zoo")
    answer, distractor = (
        [words.decode(list(ids)).strip() for ids in rows[name]] for name in ("answer", "distractor")
    )
    return pd.DataFrame({"clean": rows["text"], "answer": answer, "distractor": distractor}).assign(
        cluster=rows["cluster"], template=rows["template"].str[-1]
    )


def tasks(path: Path, **changes: Any) -> Tasks:
    return Tasks.model_validate({"mine": {"build": "file", "file": str(path), **changes}})


def built(path: Path, **changes: Any) -> tuple[pd.DataFrame, dict[str, int]]:
    return build_prompts(tasks(path, **changes), SETTINGS, tokenizer("zoo"))


def test_shipped_prompts_from_a_file_are_the_same_tokens(tmp_path: Path) -> None:
    path = tmp_path / "ioi.csv"
    shipped_rows().to_csv(path, index=False)
    found, _ = built(path, reference="mine")
    shipped, _ = build_prompts(some_tasks("ioi"), SETTINGS, tokenizer("zoo"))
    shipped = shipped[shipped["task"] == "ioi"].reset_index(drop=True)
    for column in ("text", "tokens", "answer", "distractor", "cluster"):
        assert found[column].tolist() == shipped[column].tolist()
    assert (found.groupby("cluster")["split"].nunique() == 1).all()
    assert set(found["split"]) == {"select", "test"}


def test_the_same_content_elsewhere_is_the_same_task(tmp_path: Path) -> None:
    rows = shipped_rows()
    for name in ("a.csv", "b.csv"):
        rows.to_csv(tmp_path / name, index=False)
    rows.iloc[:-1].to_csv(tmp_path / "c.csv", index=False)
    one, same, other = (
        tasks(tmp_path / name, reference="mine").for_results()
        for name in ("a.csv", "b.csv", "c.csv")
    )
    assert one == same != other


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clean": ""}, "clean is empty in row 3"),
        ({"answer": ""}, "answer is empty in row 3"),
        ({"clean": "Then Mary met John. Mary saw "}, "ends with a space"),
    ],
)
def test_a_bad_cell_is_named_with_its_row(
    tmp_path: Path, change: dict[str, str], words: str
) -> None:
    rows = shipped_rows().reset_index(drop=True)
    for column, value in change.items():
        rows.loc[2, column] = value
    rows.to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(CircuitScalingError, match=words):
        built(tmp_path / "bad.csv", reference="mine")


def test_an_answer_that_is_the_distractor(tmp_path: Path) -> None:
    rows = shipped_rows().reset_index(drop=True)
    rows.loc[2, "answer"] = rows.loc[2, "distractor"]
    rows.to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(CircuitScalingError, match="answer is the distractor as well in row 3"):
        built(tmp_path / "bad.csv", reference="mine")


def test_rows_that_cannot_be_used_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = shipped_rows().reset_index(drop=True)
    rows.loc[0, "answer"] = "Xqzt"
    pd.concat([rows, rows.iloc[[5]]]).to_csv(tmp_path / "some.csv", index=False)
    found, dropped = built(tmp_path / "some.csv", reference="mine")
    assert len(found) == 39
    assert dropped["rows of 'mine' (answer or distractor is not one token, such as row 1)"] == 1
    assert dropped["rows of 'mine' (there twice, such as row 41)"] == 1


def test_a_corrupt_column_is_missed(tmp_path: Path) -> None:
    shipped_rows().to_csv(tmp_path / "some.csv", index=False)
    with pytest.raises(CircuitScalingError, match="has no column corrupt"):
        built(tmp_path / "some.csv")


def eap_rows() -> pd.DataFrame:
    """Rows in the form of EAP-IG: each text with one of three names beside it, and token ids."""
    rows, words = shipped_rows(), tokenizer("zoo")
    others = zip(rows["clean"], rows["distractor"], strict=True)
    corrupted = ["Tom".join(text.rsplit(name, 1)) for text, name in others]
    ids = {
        f"{name}_idx": [words.encode(f"the {word}", add_special_tokens=False)[1] for word in of]
        for name, of in (("correct", rows["answer"]), ("incorrect", rows["distractor"]))
    }
    return pd.DataFrame({"clean": rows["clean"], "corrupted": corrupted, **ids})


EAP = {"corrupt": "corrupted", "answer": "correct_idx", "distractor": "incorrect_idx"}


def test_token_ids_are_words_of_the_tokenizer_that_is_named(tmp_path: Path) -> None:
    eap_rows().to_csv(tmp_path / "eap.csv", index=False)
    given = tasks(tmp_path / "eap.csv", columns=EAP, token_ids_of="zoo")
    found, _ = build_prompts(given, SETTINGS, tokenizer("zoo"), tokenizer_of=tokenizer)
    clean, corrupt = (found[found["task"] == name] for name in ("mine", "mine_corrupt"))
    shipped = zoo_prompts("ioi", 40)
    kept = clean.merge(shipped[shipped["task"] == "ioi"], on="text")
    assert len(clean) == len(corrupt) == len(kept) > 30
    assert kept["answer_x"].tolist() == kept["answer_y"].tolist()
    assert clean["tokens"].map(len).tolist() == corrupt["tokens"].map(len).tolist()
    numbers = (frame["prompt_id"].str.partition("/")[2].tolist() for frame in (clean, corrupt))
    assert next(numbers) == next(numbers)


def test_token_ids_of_another_tokenizer_are_refused(tmp_path: Path) -> None:
    rows = eap_rows()
    rows["correct_idx"] += 1
    rows.to_csv(tmp_path / "eap.csv", index=False)
    given = tasks(tmp_path / "eap.csv", columns=EAP, token_ids_of="zoo")
    with pytest.raises(CircuitScalingError, match="correct_idx is, as a token of 'zoo', no word"):
        build_prompts(given, SETTINGS, tokenizer("zoo"), tokenizer_of=tokenizer)


def test_choices_and_nested_texts_of_parquet(tmp_path: Path) -> None:
    rows = shipped_rows()
    mib = pd.DataFrame(
        {
            "prompt": rows["clean"],
            "choices": [
                list(pair) for pair in zip(rows["distractor"], rows["answer"], strict=True)
            ],
            "answerKey": 1,
            "abc_counterfactual": [{"prompt": text} for text in eap_rows()["corrupted"]],
        }
    )
    mib.to_parquet(tmp_path / "mib.parquet")
    columns = {"clean": "prompt", "corrupt": "abc_counterfactual.prompt"}
    found, _ = built(
        tmp_path / "mib.parquet", columns={**columns, "choices": "choices", "answer": "answerKey"}
    )
    of_eap = eap_rows()
    clean = found[found["task"] == "mine"].merge(of_eap, left_on="text", right_on="clean")
    assert clean["answer"].str[0].tolist() == clean["correct_idx"].tolist()
    assert clean["distractor"].str[0].tolist() == clean["incorrect_idx"].tolist()
