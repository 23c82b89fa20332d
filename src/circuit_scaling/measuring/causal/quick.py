"""``circuit_scaling.attention``: where one head looks on one text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from circuit_scaling.interventions.operations.attention import pattern_of
from circuit_scaling.interventions.replay.pairs import Head
from circuit_scaling.measuring.shared.opened import alone_on_device
from circuit_scaling.measuring.shared.unlisted import Unlisted
from circuit_scaling.models.loading import load_any


def quick_attention(asked: Unlisted, head: Head, text: str) -> pd.DataFrame:
    """See :func:`circuit_scaling.attention`."""
    with alone_on_device("float32"):
        loaded = load_any(asked.model, asked.tokenizer, asked.bos, asked.untrained)
        reads = loaded.reads
        tokens = list(reads.tokenizer.encode(text, add_special_tokens=False))
        if tuple(tokens[: len(reads.prefix)]) != reads.prefix:
            tokens = [*reads.prefix, *tokens]
        pattern = pattern_of(loaded.anatomy, np.array(tokens, dtype=np.int64), head)
        words = [reads.tokenizer.decode([token]) for token in tokens]
    return pd.DataFrame(
        pattern, index=pd.Index(words, name="from"), columns=pd.Index(words, name="to")
    )
