"""The sizes of a model in memory, on which the count of operations depends."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel

from circuit_scaling.plan.operations import Sizes


def sizes_of(model: PreTrainedModel) -> Sizes:
    """The sizes of a Hugging Face causal language model; one on the meta device will do.

    Raises:
        ValueError: its attention matrices are not queries, keys, values and output.
    """
    config = model.config
    blocks = next(module for module in model.modules() if isinstance(module, nn.ModuleList))
    matrices = {n: p.numel() for n, p in blocks[0].named_parameters() if p.ndim == 2}
    attention = sum(numel for name, numel in matrices.items() if "att" in name)
    d_model, n_heads = config.hidden_size, config.num_attention_heads
    d_head = getattr(config, "head_dim", None) or d_model // n_heads
    n_key_heads = getattr(config, "num_key_value_heads", None) or n_heads
    sizes = Sizes(
        n_layers=len(blocks),
        n_heads=n_heads,
        d_model=d_model,
        query_width=n_heads * d_head,
        key_width=n_key_heads * d_head,
        mlp_weights=sum(matrices.values()) - attention,
        vocabulary=config.vocab_size,
        parallel=getattr(config, "use_parallel_residual", False),
    )
    if attention != 2 * d_model * (sizes.query_width + sizes.key_width):
        raise ValueError(f"the attention of {type(model).__name__} cannot be counted")
    return sizes
