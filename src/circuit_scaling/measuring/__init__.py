"""One model and its prompts become tables; a room per pipeline that measures.

Here prompts and heads of the tables meet the engine. ``scan`` ablates every head alone, ``causal``
patches the hero heads between pairs of prompts, ``ablation`` ablates them together, and ``shared``
has what these three do: rows of the prompts table become batches of one token length, numbers that
are not finite are named, progress is shown, and the run log says what it took.

``retrieval`` reads what heads look at in long contexts; its detectors take arrays alone.

The engine gives effects [heads, prompts] for one batch; a table has a row per head and task, with
the effects in the order of the prompts table. Heads are counted layer by layer, layer * n_heads +
head. ``docs/method.md``, *Effects*, *Causal tracing* and *Heroes against random heads*, has the
formulas, *Provenance* the fingerprints.
"""
