"""What every pipeline does: their README files, in the order in which they run."""

from __future__ import annotations

from docs.generate.catalogue import PROJECT
from docs.generate.markdown import page

_FIRST = """\
One stage each, in the order in which they run; `kedro run --pipelines scan,join` runs some of
them. [Architecture](../architecture.md) shows how they hang together."""
_ORDER = (
    *("scan", "join", "classify", "scaling", "transfer", "causal", "ablation"),
    *("retrieval_detect", "retrieval_mask", "retrieval_compare", "audit", "report"),
    *("import_tables", "import_retrieval", "zoo"),
)
_FOLDER = "src/circuit_scaling/pipelines"


def pipelines_page() -> str:
    """The page of all pipelines, as Markdown."""
    there = {path.parent.name for path in (PROJECT / _FOLDER).glob("*/README.md")}
    names = [*(name for name in _ORDER if name in there), *sorted(there - set(_ORDER))]
    return page("Pipelines", _FIRST, *(_included(name) for name in names))


def _included(pipeline: str) -> str:
    """The directive that takes in a README; its heading is one of the page then."""
    return f"```{{include}} ../../{_FOLDER}/{pipeline}/README.md\n:heading-offset: 1\n```"
