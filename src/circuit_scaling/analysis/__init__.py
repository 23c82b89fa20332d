"""From tables to tables, a room per pipeline: frames in, frames out, and no model is needed.

A room has the ``settings.py`` of its pipeline (rooms that measure have theirs in ``measuring``),
a module for each thing that is found out, and ``exports.py`` where CSV tables for people need one.
What is computed on plain arrays lies in ``statistics``.

A row is mostly a head of a model, with the keys ``family, model, layer, head``. ``delta_<task>`` is
the mean effect on a task in logits, negative where the head helps, and ``se_<task>`` its standard
error; tau is the threshold from which a head is strong. ``docs/method.md`` has the definitions:
*Uncertainty*, *Transfer*, *Heroes against random heads*, *Scale*, *Causal tracing*, *Heads known
from the literature*, *Tables measured elsewhere*.
"""
