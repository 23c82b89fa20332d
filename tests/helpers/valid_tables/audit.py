"""Valid tables of the schemas in ``tables/audit.py``."""

from __future__ import annotations

from circuit_scaling.tables.audit import OUTCOMES, STUDIES
from tests.helpers.valid_tables.rows import NAN

TABLES = {
    "published_audit": {
        "study": [STUDIES[0], STUDIES[0], STUDIES[1], STUDIES[1]],
        "id": ["corr_a", "shared_exist", "drop_50", "layers"],
        "source": "paper/notes.md § 1",
        "claim": ["They correlate.", "There are some.", "It falls.", "They lie there."],
        "published": ["0.10", "", "30.8", "13-14"],
        "unit": ["", "", "%", ""],
        "definition": "as it says",
        "measure": "correlation",
        "checkpoints": ["a", "any", "b, c", "b, c"],
        "models": ["a", "a, d", "", ""],
        "measured": [0.3, NAN, NAN, NAN],
        "low": [0.2, NAN, NAN, NAN],
        "high": [0.4, NAN, NAN, NAN],
        "nothing": [0.0, NAN, NAN, NAN],
        "found": ["", "holds in 2 of 2 models", "", ""],
        "outcome": [OUTCOMES[1], OUTCOMES[0], OUTCOMES[4], OUTCOMES[4]],
        "reason": ["outside of the interval", "judged on a and d", "b is not here", "c is not"],
        "command": ["", "", "kedro run --env retrieval", "kedro run --env retrieval"],
    },
}
