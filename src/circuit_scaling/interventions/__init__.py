"""The exact engine: record a clean run once, then replay only what a changed head can change.

A transformer reads prompts and passes a residual stream from block to block. In every block each
attention head puts out a vector z at every position; the output projection W_O turns it into what
the head adds to the residual. An ablation or a patch replaces z by another z' and asks how m, the
metric that is read at the last position, changes. Nothing below that head can change, so that only
the blocks above it are run again. ``docs/method.md``, *The engine*, has the steps, *Effects* and
*Causal tracing* the formulas.

The rooms, from the bottom up: ``model`` (the parts of a model, and running one block), ``replay``
(the clean run, what replaces z, runs in flight, readouts), ``operations`` (what can be asked).

Symbols and shapes in all of them:

* ``pos``: positions of a prompt, from 0; prompts of a batch have one length, there is no padding.
* z: a head's output before the output projection, [prompts, pos, n_heads, d_head]; z' or ``new``
  is what replaces it, and ``change`` is z' - z.
* W_O: [n_heads, d_head, d_model] in each layer.
* residual: [rows, pos, d_model]. Rows are copies of the prompts, one copy for each changed run:
  runs x prompts, stacked on the batch axis, run by run.
* m: the contrast unless said otherwise, mean logit of the answers minus mean logit of the
  distractors; in logits.
* An effect is m(ablated) - m(clean) by prompt: negative where the head helps.
* L layers and H heads are counted from 0; L3H7 is head 7 of layer 3.
"""
