"""Write docs/architectures.md: every architecture tried, and how far it is from the oracle.

python -m tests.oracle.architectures
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import torch

from circuit_scaling.errors import CircuitScalingError
from tests.helpers.engine_scan import anatomy_of_copy
from tests.helpers.exactness import exactness
from tests.helpers.other_models import OTHER_FAMILIES, PROMPT_SEEDS, other_model
from tests.helpers.tiny_models import ARCHITECTURES, tiny_model, tiny_tokenizer

PAGE = Path(__file__).parents[2] / "docs" / "architectures.md"

_INTRO = """\
# Architectures

Every architecture that was tried, as a tiny model with random weights, and the largest difference
between the engine and TransformerLens's `run_with_hooks` on `hook_z`: over every head, prompt and
readout, `zero`, `mean` and `resample`, `all` and `end`, few and many heads at a time, in float32.
The tests allow 1e-4. *Effect* is the largest effect on the contrast, for scale. *Last block* says
whether it is computed at the last position only. Written by `make architectures` with torch
{torch}, transformers {transformers} and TransformerLens {transformer_lens}.

| model class | case | blocks | attention | last block | difference | effect |
|---|---|---|---|---|---|---|
"""


def rows() -> Iterator[str]:
    """A row of the table per architecture."""
    torch.set_num_threads(1)
    tokenizer = tiny_tokenizer(Path(tempfile.mkdtemp()))
    cases = [(name, tiny_model(name)) for name in ARCHITECTURES]
    cases += [(name, other_model(name)) for name in OTHER_FAMILIES]
    for name, model in cases:
        start = f"| {type(model).__name__} | {name.replace('_', ' ')} |"
        try:
            anatomy = anatomy_of_copy(model)
        except CircuitScalingError as refusal:
            reason = str(refusal).split(": ", 1)[-1].split(". ")[0]
            yield f"{start} | | | refused: {reason.rstrip('.')} | |"
            continue
        found = exactness(anatomy, model, tokenizer, PROMPT_SEEDS.get(name, 1))
        kind = "parallel" if anatomy.parallel else "sequential"
        attention = anatomy.model.config._attn_implementation
        last = "last position" if anatomy.varying_end else "all positions"
        yield (
            f"{start} {kind} | {attention} | {last} | {found.difference:.0e} | "
            f"{found.largest_effect:.2f} |"
        )


if __name__ == "__main__":
    intro = _INTRO.format(
        torch=torch.__version__,
        transformers=version("transformers"),
        transformer_lens=version("transformer-lens"),
    )
    PAGE.write_text(intro + "\n".join(rows()) + "\n", encoding="utf-8")
