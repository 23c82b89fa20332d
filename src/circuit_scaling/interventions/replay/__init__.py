"""A clean run, recorded once, and changed runs that replay what a change can reach.

Replacing z of one head in layer l by z' changes that layer's attention output by (z' - z) W_O[head]
and nothing before it. So a changed run starts in the middle of block l, from the recorded attention
output plus that change, and goes through the blocks above it. Changed runs wait for one another in
a ``Stack``: those of layer l board when the clean run gets there, all of them go through a block in
one call, and at the top each is read. A stack's ``Road`` says at which positions its runs are
computed: all of them, each prefix that prompts share once, or the last alone. What replaces z comes
from ``replacements``, what is read from ``readouts``; ``chunk`` says how many runs fit,
``portions`` how many prompts, and ``verify_architecture`` proves for each model, when it is loaded,
that replay gives what the whole model gives. ``docs/method.md``, *The engine*, has the steps, the
chunk and the memory.

Shapes: a residual of stacked runs is [runs * prompts, pos, d_model], one run after the other; where
only the last position counts, pos is 1, and where prefixes are shared it is [runs, prefixes,
d_model]. Values that are read are [runs, prompts]. Symbols are those of ``interventions``.
"""
