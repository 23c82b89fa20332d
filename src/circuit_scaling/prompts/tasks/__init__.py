"""One file per kind of task; each offers ``build(spec, words, rng)``, and nothing registers it."""
