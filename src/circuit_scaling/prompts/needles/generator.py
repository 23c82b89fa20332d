"""Fictional filings: companies that do not exist, with four facts and what one could mistake."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import yaml
from pydantic import Field

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.needles.questions import shipped_questions
from circuit_scaling.prompts.needles.states import DISTRICT, STATES
from circuit_scaling.prompts.needles.truth import NAME
from circuit_scaling.typed import Block
from circuit_scaling.vocabulary import QUESTION_IDS

FilingLength = Literal["long", "short"]
NamePool = Literal["study", "training"]

_YEARS = np.arange(1880, 1993)
_COUNTS = (12, 60_000)
_LOOKS_LIKE_A_YEAR = range(1600, 2101)
_POOLS = 4  # one in so many names belongs to the study, the others to training

Templates = Annotated[tuple[str, ...], Field(min_length=1)]


class FilingWords(Block):
    """``filings.yml``: what names are made of, and the sentences by what they say.

    Attributes:
        syllables, endings: three of the one make a company's name, and one of the other ends it.
        others: what a company is called after its name was said, such as *The company*.
        business, remarks: sentences of long filings without a fact.
        long, short: fact -> sentences with ``{value}``, for filings of either length; the short
            ones have their distractors together in one sentence.
    """

    syllables: Templates
    endings: Templates
    others: Templates
    business: Templates
    remarks: Templates
    long: dict[str, Templates]
    short: dict[str, Templates]


def fictional_filings(
    n: int, seed: int, *, length: FilingLength = "long", names: NamePool = "study"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Filings of ``n`` companies of different names; the same for the same arguments.

    Each fact is said once, in one of several ways, and the sentences are in any order. Beside the
    facts there are another state, another year and another number, and the state of incorporation
    is never that of the headquarters, so that neither the only nor the first value of a kind can
    be taken for the answer. States and years are dealt out evenly: of 20 filings or more no answer
    is that of more than a tenth.

    Args:
        length: ``long``: nine sentences, 90 to 120 tokens of GPT-2; ``short``: five short ones,
            32 to 55 of them, for models that can read little.
        names: the pool of which the companies' names are. No name is in both, so that a model that
            was trained on filings of ``training`` has seen no company of ``study``.

    Returns:
        truth: ``filename`` and the columns of the ground truth.
        texts: ``filename`` and ``text``.

    Raises:
        CircuitScalingError: more companies than there are names in the pool.
    """
    rng = np.random.default_rng([seed, zlib.crc32(f"{length} {names}".encode())])
    companies = _companies(n, names, rng)
    facts = list(_facts(n, rng))
    filenames = [f"fictional_{seed}_{number:05d}.txt" for number in range(n)]
    questions = shipped_questions()
    truth = pd.DataFrame(
        {
            "filename": filenames,
            NAME: companies,
            **{questions[q].column: [fact[q] for fact in facts] for q in QUESTION_IDS},
        }
    )
    write = {"long": _long, "short": _short}[length]
    texts = [write(name, fact, rng) for name, fact in zip(companies, facts, strict=True)]
    return truth, pd.DataFrame({"filename": filenames, "text": texts})


@cache
def filing_words() -> FilingWords:
    """What fictional filings are made of."""
    text = files(__package__).joinpath("filings.yml").read_text(encoding="utf-8")
    return FilingWords.model_validate(yaml.safe_load(text))


@cache
def _stems(names: NamePool) -> tuple[str, ...]:
    """The made-up words of one pool; what a name hashes to decides in which it is."""
    every = ("".join(parts).capitalize() for parts in product(filing_words().syllables, repeat=3))
    return tuple(
        stem
        for stem in dict.fromkeys(every)
        if (zlib.crc32(stem.encode()) % _POOLS == 0) == (names == "study")
    )


def _companies(n: int, names: NamePool, rng: np.random.Generator) -> list[str]:
    stems, endings = _stems(names), filing_words().endings
    if n > len(stems):
        raise CircuitScalingError(
            f"There are names for {len(stems)} fictional companies, and not for {n}: ask for fewer."
        )
    chosen = rng.choice(len(stems), size=n, replace=False)
    return [f"{stems[i]} {_one(endings, rng)}" for i in chosen]


def _facts(n: int, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Facts and distractors of each filing; states, years and counts differ within it."""
    states = np.array([state for state in STATES if state != DISTRICT], dtype=object)
    incorporated, headquarters = _dealt(states, n, rng), _dealt(states, n, rng)
    years = _dealt(_YEARS, n, rng)
    for inc_state, dealt, year in zip(incorporated, headquarters, years, strict=True):
        hq_state = dealt if dealt != inc_state else rng.choice(states[states != inc_state])
        others = states[(states != inc_state) & (states != hq_state)]
        count, other_count = _counts(rng)
        yield {
            "inc_state": str(inc_state),
            "inc_year": int(year),
            "employee_count": count,
            "hq_state": str(hq_state),
            "other_state": str(rng.choice(others)),
            "other_year": int(rng.choice(_YEARS[year != _YEARS])),
            "other_count": other_count,
        }


def _dealt(values: np.ndarray[Any, Any], n: int, rng: np.random.Generator) -> list[Any]:
    """``n`` values in random order, each as often as the others, give or take one."""
    rounds = -(-n // len(values))
    return [value for _ in range(rounds) for value in rng.permutation(values)][:n]


def _counts(rng: np.random.Generator) -> tuple[int, int]:
    """Two different numbers of people or things, small and large ones alike, none like a year."""
    low, high = np.log(_COUNTS)
    found: list[int] = []
    while len(found) < 2:
        drawn = int(np.exp(rng.uniform(low, high)))
        drawn -= drawn % (10 if drawn > 1000 else 1)
        if drawn not in found and drawn not in _LOOKS_LIKE_A_YEAR:
            found.append(drawn)
    return found[0], found[1]


def _long(company: str, facts: dict[str, Any], rng: np.random.Generator) -> str:
    templates = filing_words().long
    said = [_one(filing_words().business, rng), _one(filing_words().remarks, rng)]
    said += [
        _one(templates[kind], rng).replace("{value}", _written(kind, value))
        for kind, value in facts.items()
    ]
    return _joined(said, company, rng)


def _short(company: str, facts: dict[str, Any], rng: np.random.Generator) -> str:
    templates = filing_words().short
    said = [
        _one(templates[kind], rng).replace("{value}", _written(kind, facts[kind]))
        for kind in QUESTION_IDS
    ]
    distractors = _one(templates["distractors"], rng)
    for kind, value in facts.items():
        distractors = distractors.replace(f"{{{kind}}}", _written(kind, value))
    return _joined([*said, distractors], company, rng)


def _joined(sentences: Sequence[str], company: str, rng: np.random.Generator) -> str:
    """The sentences in any order; the name is their first subject, or else a heading."""
    first, *others = (sentences[i] for i in rng.permutation(len(sentences)))
    begun = first.replace("{Company}", company) if "{Company}" in first else f"{company}. {first}"
    return " ".join(
        [begun, *(s.replace("{Company}", _one(filing_words().others, rng)) for s in others)]
    )


def _written(kind: str, value: str | int) -> str:
    return f"{value:,}" if kind.endswith("count") else str(value)


def _one(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
