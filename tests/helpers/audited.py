"""An audit of published findings in which every one was judged."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.tables.audit import NOT_RUN
from tests.helpers.valid_tables import VALID


def published_audit() -> pd.DataFrame:
    audit = pd.DataFrame(VALID["published_audit"])
    return audit[audit["outcome"] != NOT_RUN].reset_index(drop=True)
