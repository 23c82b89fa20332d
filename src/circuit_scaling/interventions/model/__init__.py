"""The model as the engine sees it: its parts, its blocks, and the device that they run on.

The engine runs the modules of the Hugging Face model as they are written. ``Anatomy`` says which
of them are blocks, attentions, output projections, final norm and unembedding; ``blocks`` records
what a block was called with and runs it again, on as many copies of the prompts as are wanted, and
``shared_prefixes`` on what they have in common once.
Shapes are those of ``interventions``.
"""
