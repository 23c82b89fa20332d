"""The one look of all figures: colours, markers, orders, text settings and ways to save."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from circuit_scaling.vocabulary import STUDY_TASKS

_P = ParamSpec("_P")
_DRAWING = threading.RLock()

WIDTH = 7.2  # inches, the text width of a two-column page
INK = "#222222"
QUIET = "#6b6b6b"
RULE = "#b8b8b8"
RANDOM, RANDOM_BAND = "#5f7ea3", "#cfd8e3"
"""Sets of random heads: their mean, and where the middle 95 % of them lie."""
GREYED = "#f1f1f1"
"""Behind a panel from which nothing is concluded."""
CROWD = 1500
"""Marks of a figure from which on its SVG holds them as pixels, because each takes 100 bytes."""
REMARK: dict[str, Any] = {"fontsize": 6, "fontweight": "normal", "color": QUIET}
"""Letters of a remark beside a title."""
_SVG_DPI = 140  # of what is pixels in it: twice as fine as a page on the screen
_FACES = {"DejaVuSans-Bold": "b", "DejaVuSans-Oblique": "o", "DejaVuSans": "d"}
_ONE_LINE = 12  # letters
_OF_ROW = 28  # letters beside a panel
_OF_PANEL = 20  # letters over a panel of a fifth of the width
_PALE = 0.35  # how much of a colour is left where competence is not known

NOT_FULL = {"unable": "hollow: not competent", "unknown": "pale: competence not known"}
"""What a mark means that is not full; see :func:`abilities`."""
COMPETENT_ON_BOTH = tuple(f"competent_{task}" for task in STUDY_TASKS)
"""The columns that say whether a model can do IOI and anti-repetition."""

_SETTINGS: dict[Any, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 200,  # twice the screen, so that print is sharp
    "font.family": "DejaVu Sans",  # ships with matplotlib, so every machine draws the same glyphs
    "font.size": 8,
    "figure.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.labelsize": 8,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.1,
    "text.color": INK,
    "text.hinting": "no_hinting",  # text is as wide in a PNG as in an SVG: one layout fits both
    "text.parse_math": False,  # a name with $ in it is no formula; what is one says so
    "svg.fonttype": "path",
    "svg.hashsalt": "circuit-scaling",  # otherwise the ids inside an SVG are random
}


@dataclass(frozen=True)
class Look:
    """How one thing is drawn wherever it appears."""

    label: str
    colour: str
    marker: str = "o"
    line: str | tuple[int, tuple[float, ...]] = "-"


# The four greys of these colours lie far apart, so that they survive a black-and-white printer.
CATEGORIES: dict[str, Look] = {
    "ioi_only": Look("IOI only", "#2f7fc1"),
    "anti_only": Look("anti-repetition only", "#e8912d"),
    "shared": Look("shared", "#3d1a5b"),
    "weak": Look("weak", "#cfcfcf"),
}

FAMILIES: dict[str, Look] = {
    "gpt2": Look("GPT-2", "#004c7a", "p"),
    "pythia": Look("Pythia", "#963f00", "P"),
    "opt": Look("OPT", "#00694c", "<"),
    "gpt_neo": Look("GPT-Neo", "#8f4871", "d"),
    "llama": Look("Llama", "#9c6a00", "h"),
    "smollm2": Look("SmolLM2", "#7a5195", ">"),
    "mini_gpt2": Look("mini GPT-2", "#0072b2", "o"),
    "mini_pythia": Look("mini Pythia", "#d55e00", "s"),
    "mini_opt": Look("mini OPT", "#009e73", "^"),
    "mini_neo": Look("mini GPT-Neo", "#cc79a7", "D"),
    "mini_llama": Look("mini Llama", "#e69f00", "*"),
    "control": Look("one-objective control", "#555555", "v"),
}
_SPARE_COLOURS = ("#8c8c00", "#00798c", "#a05252")
_SPARE_MARKERS = ("X", "H", "8")

TASKS: dict[str, Look] = {
    "ioi": Look("IOI", "#2f7fc1", "o", "-"),
    "anti_names": Look("anti-repetition, names", "#e8912d", "s", (0, (4, 1.2))),
    "anti_names_first": Look("anti-repetition, first name", "#b5651d", "D", (0, (2, 1.2))),
    "anti_lists": Look("anti-repetition, lists", "#8a4b00", "^", (0, (1, 1))),
    "induction": Look("induction", "#2a8f6a", "D", (0, (5, 1.2, 1, 1.2))),
    "ioi_abc": Look("IOI, three names", "#7d7d7d", "v", (0, (2, 2))),
    "plain_text": Look("plain text", "#3f3f3f", "P", (0, (6, 2))),
}

METHODS: dict[str, Look] = {
    "summed_attention": Look("Summed Attention", "#0b5d8f", "o", "-"),
    "wu24": Look("Wu24", "#d9762b", "s", (0, (4, 1.2))),
    "qrhead": Look("QRHead", "#5b3a86", "^", (0, (2, 1.2))),
}
"""How heads that read documents are found."""

QUESTIONS: dict[str, str] = {
    "inc_state": "state of incorporation",
    "inc_year": "year of incorporation",
    "employee_count": "number of employees",
    "hq_state": "state of headquarters",
    "all": "all answered questions",
}
"""What is asked about a document."""


def family_looks(families: Iterable[str]) -> dict[str, Look]:
    """Looks of ``families`` in legend order; families not known here get spare colours."""
    named = set(families)
    looks = {family: look for family, look in FAMILIES.items() if family in named}
    for index, family in enumerate(sorted(named - set(FAMILIES))):
        colour = _SPARE_COLOURS[index % len(_SPARE_COLOURS)]
        looks[family] = Look(family, colour, _SPARE_MARKERS[index % len(_SPARE_MARKERS)])
    return looks


def task_looks(tasks: Iterable[str]) -> dict[str, Look]:
    """Looks of ``tasks`` in legend order; tasks not known here get spare colours."""
    named = set(tasks)
    looks = {task: look for task, look in TASKS.items() if task in named}
    for index, task in enumerate(sorted(named - set(TASKS))):
        colour = _SPARE_COLOURS[index % len(_SPARE_COLOURS)]
        marker = _SPARE_MARKERS[index % len(_SPARE_MARKERS)]
        looks[task] = Look(task, colour, marker, (0, (3, 1, 1, 1, 1, 1)))
    return looks


def wrapped(label: str) -> str:
    """A label over a narrow panel: a new line after a comma."""
    return label.replace(", ", ",\n")


def panel_title(
    axes: Axes, name: str, remark: str, fontsize: float = 7, longest: int = _OF_PANEL
) -> None:
    """The name of a panel, and a remark in quiet letters on a line of its own below it."""
    below = "\n" if remark else ""
    axes.set_title(f"{shortened(name, longest)}{below}", loc="left", fontsize=fontsize)
    axes.set_title(remark, loc="right", **REMARK)


def shortened(name: str, longest: int) -> str:
    """Of a name with more letters than ``longest`` both ends."""
    if len(name) <= longest:
        return name
    end = round(0.4 * (longest - 1))
    return f"{name[: longest - 1 - end]}…{name[-end:]}"


def short_names(names: Iterable[str], longest: int = _OF_ROW) -> dict[str, str]:
    """What fits beside a panel: of a long name both ends, unless another name has the same ends."""
    cut = {name: shortened(name, longest) for name in names}
    times = Counter(cut.values())
    return {name: label if times[label] == 1 else name for name, label in cut.items()}


def broken(name: str) -> str:
    """A long name in two lines: a new one at the end of a word, as near to its middle as can be."""
    ends = [place + 1 for place, letter in enumerate(name[:-1]) if letter in " _-…"]
    if len(name) <= _ONE_LINE or not ends:
        return name
    middle = min(ends, key=lambda end: abs(end - len(name) / 2))
    return f"{name[:middle].rstrip()}\n{name[middle:]}"


def order_models(frame: pd.DataFrame) -> list[str]:
    """Models of ``frame`` by family, then size (``params_m``), then first appearance.

    Without a ``params_m`` column, or where it is missing, a family keeps the order of the rows,
    which is the order of the roster in every table that a pipeline writes.
    """
    columns = [name for name in ("family", "model", "params_m") if name in frame.columns]
    models = frame[columns].drop_duplicates("model").reset_index(drop=True)
    keys = pd.DataFrame(index=models.index)
    if "family" in models:
        ranks = {family: rank for rank, family in enumerate(family_looks(models["family"]))}
        keys["family"] = models["family"].map(ranks)
    if "params_m" in models:
        keys["size"] = pd.to_numeric(models["params_m"]).astype(float)
    if not len(keys.columns):
        return [str(model) for model in models["model"]]
    order = keys.sort_values(list(keys.columns), kind="stable").index
    return [str(model) for model in models["model"].loc[order]]


def abilities(competent: pd.DataFrame) -> pd.Series[str]:
    """What is known of each row, from one column or more that say whether a model can do a task.

    ``unable`` where one of them is false, ``able`` where all are true, and else ``unknown``.
    """
    flags = competent.astype("boolean")
    able = pd.Series("unknown", index=flags.index, dtype=str)
    able[flags.fillna(False).all(axis=1)] = "able"
    able[~flags.fillna(True).all(axis=1)] = "unable"
    return able


def both_abilities(rows: pd.DataFrame) -> pd.Series[str]:
    """Of each row, what its model can do of IOI and anti-repetition of names together."""
    return abilities(rows[list(COMPETENT_ON_BOTH)])


def filled(colour: str, ability: str) -> str:
    """The colour inside a mark: full for ``able``, white for ``unable``, pale for ``unknown``."""
    if ability == "unknown":
        red, green, blue = (1 - _PALE * (1 - part) for part in to_rgb(colour))
        return to_hex((red, green, blue))
    return "white" if ability == "unable" else colour


def model_mark(look: Look, ability: str) -> dict[str, Any]:
    """How one model's value is plotted: in the look of its family, filled by what it can do."""
    return {
        "linestyle": "none",
        "marker": look.marker,
        "markersize": 5,
        "markeredgecolor": look.colour,
        "markeredgewidth": 0.9,
        "markerfacecolor": filled(look.colour, ability),
        "gid": "model",
    }


# A name that holds one of these would make the file of one figure look like that of another.
_FIGURES_PER_MODEL = (
    *("layer_hist", "delta_scatter", "hero_vs_random_ablation", "reads_writes"),
    *("retrieval_scores", "masking"),
)
_PLAIN_NAME = re.compile(
    rf"(?!.*({'|'.join(_FIGURES_PER_MODEL)}))(?!.*-[0-9a-f]{{8}}$)[a-z0-9_]([a-z0-9_.-]{{0,98}}[a-z0-9_-])?"
)


def file_name(model: str) -> str:
    """A model's name as part of a file name; different names never share one, on any disk.

    A plain name (lower case, digits, ``_``, ``-``, ``.`` inside) stays as it is. Of any other, what
    is plain is kept, with hyphens for the rest, and a hash of the whole name follows.
    """
    if _PLAIN_NAME.fullmatch(model):
        return model
    plain = re.sub("[^a-z0-9.]+", "-", model.lower())[:90].strip("-.")
    return f"{plain or 'model'}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"


def number(value: float, digits: int = 2) -> str:
    """``value`` with a real minus sign; a value that was not measured is an en dash."""
    if pd.isna(value):
        return "–"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Matplotlib's defaults plus our settings inside the block, whatever the user has set.

    Settings are the process's: one thread draws at a time.
    """
    with _DRAWING, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def styled(draw: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """Draw under :func:`style`."""

    @functools.wraps(draw)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with style():
            return draw(*args, **kwargs)

    return wrapper


def freeze_layout(figure: Figure) -> None:
    """Run the layout once and keep its result."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure with its own layout engine; sizes in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def nothing_to_draw(what: str) -> Figure:
    """A small figure that says in words that its table is empty."""
    figure = new_figure(1.2)
    figure.text(0.5, 0.5, f"Nothing to draw: {what}.", ha="center", va="center", color=QUIET)
    return figure


def require_columns(frame: pd.DataFrame, columns: Sequence[str], figure: str) -> None:
    """Nothing where ``frame`` has all columns that ``figure`` needs.

    Raises:
        ValueError: names those that it lacks.
    """
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise ValueError(f"figure {figure}: the table has no column {', '.join(absent)}")


_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that a name may have and XML may not."""


def to_svg(figure: Figure, source: str | None = None) -> str:
    """The figure as SVG text: same figure, same text, byte for byte.

    Its metadata say from which ``source`` it was made, as Dublin Core's element of that name.
    """
    metadata = {"Date": None} | ({"Source": source} if source else {})
    drawn = _saved(figure, "svg", metadata=metadata, dpi=_SVG_DPI).decode()
    return _compact(_NO_XML.sub("\N{REPLACEMENT CHARACTER}", drawn))


def to_png(figure: Figure) -> bytes:
    """The figure as PNG at print resolution (200 dots per inch)."""
    return _saved(figure, "png", pil_kwargs={"compress_level": 3})  # a third faster


def _compact(svg: str) -> str:
    """Without indentation, and with short names of letters: a fifth less in figures full of them.

    A letter has one name in all figures, so that they can stand in one document.
    """
    for face, short in _FACES.items():
        svg = svg.replace(f'"{face}-', f'"{short}').replace(f'"#{face}-', f'"#{short}')
    return re.sub(r"\n +", "\n", svg)


def _saved(figure: Figure, kind: str, **options: Any) -> bytes:
    """Saving lays a figure out; it is done once, so that the next file shows the same layout."""
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format=kind, **options)
    figure.set_layout_engine("none")
    return buffer.getvalue()
