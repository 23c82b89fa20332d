"""Valid tables of the schemas in ``tables/retrieval.py``."""

from __future__ import annotations

from tests.helpers.valid_tables.rows import IDS

TABLES = {
    "questions": {
        "question_id": [f"inc_year/{number}.txt/3/0.5" for number in range(4)],
        "filing": [f"{number}.txt" for number in range(4)],
        "question": ["inc_state", "inc_year", "employee_count", "hq_state"],
        "kind": ["state", "year", "count", "state"],
        "split": ["train", "test", "train", "test"],
        "token_length": [3, 1, 2, 1],
        "depth": [0.0, 0.5, 1.0, 0.25],
        "form": ["one_word", "cue", "chat", "cue"],
        "tokens": IDS,
        "needle_start": 1,
        "needle_end": 2,
        "needle_length": 40,
        "truncated": [False, True, False, True],
        "answer_in_needle": [True, False, True, True],
        "query_start": 2,
        "null_tokens": IDS,
        "answer": ["Ohio", "1929", "14,200", "New York"],
        "answer_tokens": [[1], [2], [3, 4, 5], [6, 7]],
        "data_seed": 0,
    },
}
