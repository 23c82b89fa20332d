"""What the settings refuse."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from circuit_scaling.prompts.needles.settings import NeedleSettings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lengths", ()),
        ("lengths", (0,)),
        ("lengths", (256, 256)),
        ("depths", ()),
        ("depths", (1.5,)),
        ("depths", (0.5, 0.5)),
        ("policy", "cut"),
        ("min_haystack", -1),
        ("form", "two_words"),
        ("questions", ("ceo",)),
        ("questions", ()),
        ("null_query", ""),
        ("test_share", 0),
        ("test_share", 1),
        ("n_train", 0),
        ("depth", 0.5),
    ],
)
def test_what_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        NeedleSettings.model_validate({"lengths": (256,), field: value})
