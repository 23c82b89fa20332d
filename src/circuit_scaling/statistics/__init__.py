"""Statistics on plain arrays: clustered inference, head categories, power and rank agreement.

Prompts that share their two names are alike, so that a prompt is no independent observation: the
**cluster** (the pair of names) is. Everything that says how sure a number is takes, draws or leaves
out whole clusters. ``cluster_totals`` puts effects by prompt together once, and the other modules
work on its sums.

Arrays are [items, clusters] or [items, prompts]; an item is mostly a head, sometimes a set of heads
or a path. Effects are in logits, negative where the head helps; tau is a threshold on their
absolute value. NaN is a number that is not known, never 0. p from random draws is (1 + b) / (1 + B)
with b of the B draws at least as extreme. Wrong shapes are a ValueError, because they are a mistake
in the code. ``docs/method.md`` says what is made of it: *Uncertainty*, *Transfer*, *Scale*, *Heroes
against random heads*, *Causal tracing*.
"""
