"""Valid tables of the schemas in ``tables/zoo.py``."""

from __future__ import annotations

TABLES = {
    "zoo_curves": {
        "model": "mini_s",
        "step": [0, 20, 40, 60],
        "task": "ioi",
        "loss": [3, 2, 1, 0.5],
    },
    "zoo_accuracy": {
        "model": "mini_s",
        "task": ["ioi", "anti_names", "anti_lists", "induction"],
        "objective": ["trained", "random", "untrained", "trained"],
        "accuracy": [1.0, 0.5, 0.0, 0.9],
        "candidate_accuracy": [1.0, 0.5, 0.0, 0.9],
        "n_prompts": 400,
    },
    "zoo_answers": {
        "model": "mini_reader",
        "question": ["inc_state", "inc_year", "employee_count", "hq_state"],
        "form": ["cue", "chat", "one_word", "cue"],
        "token_length": [96, 96, 128, 256],
        "accuracy": [1.0, 0.5, 0.0, 0.9],
        "n_questions": 100,
    },
}
