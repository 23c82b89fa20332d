"""One file per kind of task; nothing registers it.

Each offers ``build(task, spec, words, data_seeds, rng)``, which yields prompts.
"""
