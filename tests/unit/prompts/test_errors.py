"""Bad input to the prompts: one clear line that names the thing and the way out."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.zoo.train import shared_tokenizer
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from circuit_scaling.prompts.templates import check_templates
from tests.helpers.prompt_sets import some_tasks, tokenizer


def tasks(**changes: Any) -> Tasks:
    """One task, a reference set to itself."""
    spec = {"build": "names", "reference": "mine", "templates": ["Then {A} met {B}. {S} saw"]}
    return Tasks.model_validate({"mine": {**spec, **changes}})


def refused(tasks: Tasks, n_prompts: int = 40, names: Any = "common") -> str:
    settings = PromptSettings(n_prompts=n_prompts, names=names)
    with pytest.raises(CircuitScalingError) as caught:
        build_prompts(tasks, settings, tokenizer("zoo"))
    message: str = caught.value.message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], "of 0 given, none"),
        (["Zebediah", "Xyloquist"], "of 2 given, none"),
        (["Mary"], "of 1 given, only Mary"),
        (["Mary", "Mary", "John", "Tom", "Xyloquist"], "of 4 given, only Mary, John, Tom"),
    ],
)
def test_too_few_names(names: list[str], found: str) -> None:
    message = refused(tasks(), names=names)
    assert found in message
    assert "at least 4 names" in message
    assert "Set 'prompts.names: common' or list more names" in message


@pytest.mark.parametrize(
    "names", [["Mary", "John", "Tom", "Kate"], ["Mary", "John", "Tom", "Kate", "Paul"]]
)
def test_no_third_name(names: list[str]) -> None:
    message = refused(some_tasks("ioi"), names=names)
    assert message.startswith("Task 'ioi_abc' needs three names on each side")
    assert "one side has 2" in message


def test_four_names_are_enough_without_a_third() -> None:
    settings = PromptSettings(n_prompts=40, names=("Mary", "John", "Tom", "Kate"))
    prompts, _ = build_prompts(tasks(), settings, tokenizer("zoo"))
    assert set(prompts["cluster"]) == {"Mary+Tom", "John+Kate"}


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("Then {A} met {B}. She saw", "lacks {S}: it needs {A}, {B}, {S}"),
        ("Then she met {B}. He saw", "lacks {A}, {S}"),
        ("Then {A} met {B} in the {town}. {S} saw", "has the unknown slot {town}"),
        ("Then {A} met {B} in the {}. {S} saw", "has the unknown slot {}"),
        ("Then {A!r} met {A} and {B}. {S} saw", "has the unknown slot {A!r}"),
        ("{A} met {B}. {S} saw", "must begin with a word"),
        ("Then ({A}) met {B}. {S} saw", "a space before every slot"),
        ("Then {A}s met {B}. {S} saw", "no letter right after one"),
        ("Then {A} met {B}. {S} saw ", "no space at its end"),
        (" Then {A} met {B}. {S} saw", "must begin with a word"),
        ("Then {A met {B}. {S} saw", "has a brace without its partner"),
        ("Then {A} met {B}}. {S} saw", "has a brace without its partner"),
        ("Then {A} met {B}. {S} gave a {object} to {A}", "has {A} behind {S}: a prompt ends right"),
        ("Then {A} met {B}. {S} gave {B} a {object} and said to", "has {B} behind {S}"),
        ("Then {A} met {B}. {S} told {A} and {B} that", "has {A}, {B} behind {S}"),
        ("Then {S} met {A} and {B}. They saw", "has {A}, {B} behind {S}"),
        ("Then {A} met {B}. {S} told {B} what {S} saw", "has {B} behind {S}"),
        ("Then {B} met {A}. {S} saw", "has {B} before {A}"),
        ("When Mary and {A} met {B}, {S} saw", "has 'Mary' as a fixed word"),
        ("John and {A} met {B}. {S} saw", "has 'John' as a fixed word"),
        ("Then {A} met {B}. {S} gave a {object} to Mary", "has 'Mary' as a fixed word"),
        ("Then {A} met {B}. {S} left.", "ends with a sentence"),
        ("Then {A} met {B}. Who saw {S}?", "ends with a sentence"),
        ('Then {A} met {B}. {S} said: "', 'ends with ": the answer has a leading space'),
        ("Then {A} met {B}. {S} saw (", "ends with (: the answer"),
    ],
)
def test_a_bad_name_template(template: str, fault: str) -> None:
    message = refused(tasks(templates=[template]))
    assert message.startswith(f"Template '{template}' of task 'mine'")
    assert fault in message


@pytest.mark.parametrize(
    "template",
    [
        "Then {A} met {B}. {A} saw a {object}. {S} gave it to",
        "Then {A} met {B} at the {place}. {S} took a {object}, and {S} gave it to",
        "Then {A} met {B}. {S} said:",
        "Then {A} met {B}. {S} took a {object} to the {place} for",
    ],
)
def test_a_name_template_that_names_nobody_at_its_end(template: str) -> None:
    check_templates("mine", [template], ("A", "B", "S"), ("place", "object"), ("Mary", "John"))


@pytest.mark.parametrize("end", ["", " and"])
def test_a_list_template_that_ends_before_the_next_item(end: str) -> None:
    template = "On the list we have {items}" + end
    mine = tasks(build="lists", templates=[template])
    prompts, _ = build_prompts(mine, PromptSettings(n_prompts=40), tokenizer("zoo"))
    assert prompts["text"].str.endswith("," + end).all()


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("They wrote {items} there", "must have {items} once, at its end"),
        ("They wrote {items} and {items}", "must have {items} once, at its end"),
        ("They wrote {items}.", "must have {items} once, at its end"),
        ("They wrote red, and then {items}", "has 'red' as a fixed word"),
        ("They wrote", "lacks {items}"),
        ("They wrote {items} in the {place}", "has the unknown slot {place}"),
        ("{items}", "must begin with a word"),
    ],
)
def test_a_bad_list_template(template: str, fault: str) -> None:
    message = refused(tasks(build="lists", templates=[template]))
    assert message.startswith(f"Template '{template}' of task 'mine' {fault}")


@pytest.mark.parametrize("build", ["names", "lists"])
def test_no_template(build: str) -> None:
    message = refused(tasks(build=build, templates=[]))
    assert message == "Task 'mine' has no template: list some under 'templates'."


@pytest.mark.parametrize(
    ("task", "n_prompts", "unit", "nearest"),
    [
        ("ioi", 100, 40, 80),
        ("ioi", 7, 40, 40),
        ("anti_names", 90, 40, 80),
        ("anti_names_first", 90, 20, 80),
        ("plain_text", 33, 10, 30),
    ],
)
def test_a_number_of_prompts_that_cannot_be_balanced(
    task: str, n_prompts: int, unit: int, nearest: int
) -> None:
    message = refused(some_tasks(task), n_prompts)
    assert message.startswith(f"Task '{task}' cannot balance {n_prompts} prompts")
    assert f"a multiple of {unit}." in message
    assert message.endswith(f"Set its n_prompts to {nearest}.")
    build_prompts(some_tasks(task), PromptSettings(n_prompts=nearest), tokenizer("zoo"))


@pytest.mark.parametrize("build", ["riddles", "names.py", "../names", "tasks.names"])
def test_an_unknown_kind_of_task(build: str) -> None:
    message = refused(tasks(build=build))
    assert message == f"Task 'mine': there is no file prompts/tasks/{build}.py to build it."


def test_a_template_with_words_that_the_tokenizer_does_not_know() -> None:
    message = refused(tasks(templates=["Yonder {A} met {B}. {S} saw"]))
    assert "does not know all words of a prompt of task 'mine' 'Yonder " in message


@pytest.mark.parametrize(("build", "lacking"), [("plain_text", "passage"), ("induction", "word")])
def test_a_length_that_nothing_reaches(build: str, lacking: str) -> None:
    message = refused(tasks(build=build, templates=[], length=5000))
    assert message.startswith("Task 'mine'")
    assert lacking in message
    assert "Lower its length" in message


def test_prompts_of_one_template_that_differ_in_length() -> None:
    merging = shared_tokenizer(shipped_tasks())
    merging.add_tokens([" the market"])  # one token where other places take two
    with pytest.raises(CircuitScalingError) as caught:
        build_prompts(some_tasks("ioi"), PromptSettings(n_prompts=160), merging)
    found = re.fullmatch(
        r"Template '(ioi/\d)' of task 'ioi' gives prompts of different token lengths: "
        r"'(.+)' has (\d+), '(.+)' has (\d+)\.",
        caught.value.message,
    )
    assert found
    assert "the market" in found[2]
    assert int(found[3]) + 1 == int(found[5])


# What a typed parameter refuses is a ValidationError; the project's context makes it one line.


def test_a_reference_that_is_no_task() -> None:
    with pytest.raises(
        ValidationError, match="task 'mine' names the reference 'yours', which is no"
    ):
        tasks(reference="yours")


@pytest.mark.parametrize(
    ("part", "value"),
    [("templates", ("Then {A} saw {B}. {S} met",)), ("build", "lists"), ("length", 30)],
)
def test_a_reference_with_other_texts(part: str, value: object) -> None:
    every = shipped_tasks().root
    changed = every["ioi_abc"].model_copy(update={part: value})
    with pytest.raises(
        ValidationError, match=f"'ioi' and its reference 'ioi_abc' differ in '{part}'"
    ):
        Tasks({"ioi": every["ioi"], "ioi_abc": changed})


def test_a_reference_set_refers_to_itself() -> None:
    every = shipped_tasks().root
    chained = every["ioi_abc"].model_copy(update={"reference": "ioi"})
    with pytest.raises(ValidationError, match="differ in 'reference'"):
        Tasks({"ioi": every["ioi"], "ioi_abc": chained})


def test_no_task_at_all() -> None:
    with pytest.raises(ValidationError, match="no task is configured: add one under 'tasks'"):
        Tasks({})


@pytest.mark.parametrize(
    "typo",
    [{"readouts": "contrast"}, {"readout": "accuracy"}, {"repeat": "second"}, {"n_prompts": 0}],
)
def test_a_typo_in_a_task_is_named(typo: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(typo))):
        tasks(**typo)
