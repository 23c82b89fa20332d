"""What can be done to heads: ablate, patch, follow paths, attribute, and read attention.

Every operation takes the parts of a model and prompts and gives arrays, exact but for
``attribute`` and path estimates, which draw a straight line through the clean run.

* ``ablate_heads``: what is lost without a head? Each alone: effects [heads, prompts] by layer.
* ``ablate_sets``: what is left without several at once? Readouts [sets, prompts].
* ``mean_heads``: what do heads give on average? z [layers, heads, d_head].
* ``decode``: what does the model write without several at once? Tokens [sets, prompts, new].
* ``patch``: what does a head carry from one run of a pair to the other? Influence [heads, pairs];
  ``direct_path`` is the part of it that no later block sees.
* ``path_patching``: through which later heads does it act? Effects [receivers, pairs].
* ``attribute``: estimates of ``ablate_heads`` from one backward pass.
* ``attention``: where does a head look? [heads, prompts, pos].
* ``attention_rows``: the same from chosen positions, in contexts of any length; ``reading`` goes
  through such a context piece by piece.
* ``profiles``: scores of every head that need no task (previous token, induction, copying, ...);
  a further detector of heads is one more score there.

``docs/method.md`` has the formulas under *Effects*, *Attribution* and *Causal tracing*.
"""
