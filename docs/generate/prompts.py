"""What the prompts of the shipped tasks look like: how many, how long, how balanced."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.words import categories, word_list
from docs.generate.markdown import cell, page, table
from docs.generate.tokenizers import SETTINGS, counts, embedded_word, shipped_prompts

_FIRST = f"""\
The prompts that the shipped tasks give, at the size of the study: {SETTINGS.n_prompts} prompts a
task over {SETTINGS.data_seeds} data seeds, in the tokens of the embedded models. The default run
takes fewer of the same (`n_prompts`). [Prompts](method.md#prompts) says how they are made, and
why."""
_LENGTHS = """\
Tokens per prompt, without BOS. All models read the same text, because every word of the lists is
one token in each of these tokenizers; lengths can differ only by a template's fixed words. Prompts
of one template have one length within a model, so that there is no padding."""
_BALANCE = """\
What could give the answer away comes equally often. *Answer, distractor*: how often each name, or
item, is one. *Answer named first*: of the two names in the prompt. In `anti_names_first`, the
published form, the answer is always the second name: that is why no category comes from it."""
_EXAMPLES = 2


def prompts_page() -> str:
    """The page of the prompt distributions, as Markdown."""
    prompts, _ = shipped_prompts()
    names = list(dict.fromkeys(prompts["task"]))
    of = {task: prompts[prompts["task"] == task] for task in names}
    return page(
        "Prompt distributions",
        _FIRST,
        "![Tokens per prompt, and where the answer stands](images/prompts.svg)",
        "## The tasks",
        table(
            ("task", "prompts", "distinct", "templates", "clusters", "select, test", "reference"),
            (_task(task, rows) for task, rows in of.items()),
        ),
        "A *reference* supplies means and donors of the ablations: the same texts without the "
        "behaviour. A task that only serves as one, and is not scanned itself, is in parentheses.",
        "## Balance",
        _BALANCE,
        table(
            ("task", "order", "prompts per template", "answer", "distractor", "answer named first"),
            (_balance(task, rows) for task, rows in of.items() if rows["answer"].map(len).any()),
        ),
        "## Tokens",
        _LENGTHS,
        _tokens(names),
        "## Words",
        _words(),
        "## Examples",
        *(_examples(task, rows) for task, rows in of.items()),
    )


def answer_is_first(rows: pd.DataFrame) -> pd.Series[bool] | None:
    """Of each prompt of a name task, whether the answer is the name that comes first."""
    if not rows["order"].isin(["ABBA", "BABA", "ABA"]).all():
        return None
    # The order says who is repeated in the end: in BABA and ABA the one who came first.
    return rows["order"] == "ABBA"


def _task(task: str, rows: pd.DataFrame) -> tuple[str, ...]:
    spec = shipped_tasks().root[task]
    sides = rows["split"].value_counts()
    used = f"`{spec.reference}`" if spec.reference != task else "itself"
    return (
        f"`{task}`" if spec.scan else f"(`{task}`)",
        f"{len(rows)}",
        f"{rows['text'].nunique()}",
        f"{rows['template'].nunique()}",
        f"{rows['cluster'].nunique()}",
        f"{sides['select']}, {sides['test']}",
        used,
    )


def _balance(task: str, rows: pd.DataFrame) -> tuple[str, ...]:
    orders = rows["order"].value_counts(normalize=True).sort_index()
    first = answer_is_first(rows)
    return (
        f"`{task}`",
        ", ".join(f"{order} {share:.0%}" for order, share in orders.items() if order),
        _range(rows["template"].value_counts()),
        _uses(rows["answer"]),
        _uses(rows["distractor"]),
        "" if first is None else f"{first.mean():.0%}",
    )


def _uses(lists: pd.Series[list[str]]) -> str:
    """How often each word is used, and how many words there are."""
    found = lists.explode().value_counts()
    often = {"1": "once", "2": "twice"}.get(times := _range(found), f"{times} times")
    return f"{often} each of {len(found)}"


def _range(numbers: Iterable[int]) -> str:
    found = sorted(set(map(int, numbers)))
    return f"{found[0]}" if len(found) == 1 else f"{found[0]} to {found[-1]}"


def _tokens(tasks: list[str]) -> str:
    every = counts()
    rows = [
        (
            f"`{task}`",
            *(_ends(found["tokens"], task) for found in every.values()),
        )
        for task in tasks
    ]
    dropped = [(sum(found["dropped"].values())) for found in every.values()]
    rows.append(("words that are not one token", *(f"{number}" for number in dropped)))
    return table(("task", *every), rows)


def _ends(tokens: dict[str, int], task: str) -> str:
    return _range((tokens[f"{task} from"], tokens[f"{task} to"]))


def _words() -> str:
    lists = categories()
    items = sum(map(len, lists.values()))
    listed = (
        ("names", f"{len(word_list('names'))}", ", ".join(word_list("names")[:6])),
        ("places", f"{len(word_list('places'))}", ", ".join(word_list("places")[:6])),
        ("objects", f"{len(word_list('objects'))}", ", ".join(word_list("objects")[:6])),
        ("items of lists", f"{items} in {len(lists)} categories", ", ".join(lists)),
        ("passages", f"{len(word_list('passages'))}", f"{word_list('passages')[0][:60]}…"),
    )
    return table(("words", "how many", "such as"), [(a, b, cell(c)) for a, b, c in listed])


def _examples(task: str, rows: pd.DataFrame) -> str:
    """A few prompts of a task, of different templates where it has some, with what is right."""
    templates = rows.drop_duplicates("template")
    shown = (templates if len(templates) >= _EXAMPLES else rows).iloc[:_EXAMPLES]
    told = [
        f"- {cell(str(row['text']))}{_right(row['answer'], row['distractor'])}"
        for row in shown.to_dict("records")
    ]
    return "\n".join([f"### `{task}`\n", *told])


def _right(answer: list[int], distractor: list[int]) -> str:
    if not answer:
        return ""
    right, wrong = (", ".join(map(embedded_word, tokens)) for tokens in (answer, distractor))
    return f" → **{right}**, not *{wrong}*"
