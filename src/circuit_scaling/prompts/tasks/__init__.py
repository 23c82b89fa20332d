"""One file per kind of task; each offers ``build(task, spec, words, data_seeds, rng)``; nothing registers it."""
