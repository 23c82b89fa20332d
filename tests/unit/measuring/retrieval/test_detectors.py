"""On attention with planted scores every detector returns the value that can be written down."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_scaling.measuring.retrieval.detectors import qrhead, summed_attention, wu24

KEYS = 12
NEEDLE = slice(3, 7)


def rows_of(*heads):
    """float32 [heads, queries, keys] from {query: {key: weight}} of each head; 0 elsewhere."""
    queries = 1 + max(q for head in heads for q in head)
    rows = np.zeros((len(heads), queries, KEYS), np.float32)
    for place, head in enumerate(heads):
        for query, weights in head.items():
            for key, weight in weights.items():
                rows[place, query, key] = weight
    return rows


def test_summed_attention_is_the_last_tokens_weight_on_the_needle():
    rows = rows_of(
        {0: {4: 1.0}, 1: {3: 0.25, 6: 0.5, 7: 0.25}},  # the token behind the needle does not count
        {0: {0: 1.0}, 1: {2: 0.75, 5: 0.125, 11: 0.125}},  # nor the one before it
        {0: {3: 1.0}, 1: {0: 1.0}},  # nor what other tokens look at
    )
    np.testing.assert_array_equal(
        summed_attention.summed_attention(rows, NEEDLE), np.float32([0.75, 0.125, 0])
    )


@pytest.mark.parametrize("needle", [slice(2, 6), slice(4, 8)])
def test_summed_attention_of_a_needle_off_by_one_is_another(needle):
    rows = rows_of({0: {3: 0.25, 6: 0.5, 7: 0.125}})
    assert summed_attention.summed_attention(rows, NEEDLE) == 0.75
    found = summed_attention.summed_attention(rows, needle)
    assert found == {2: 0.25, 4: 0.625}[needle.start]


def test_summed_attention_over_samples():
    scores = np.float32([[0.5, 0.0], [0.25, 1.0]])
    np.testing.assert_array_equal(summed_attention.over_samples(scores), [0.375, 0.5])
    np.testing.assert_array_equal(summed_attention.over_samples(scores, "sum"), [0.75, 1.0])


PROMPT = np.array([9, 8, 5, 5, 6, 7, 5, 5, 1, 2, 3])  # the needle is 5 6 7 5


@pytest.mark.parametrize(
    ("strongest", "token", "score"),
    [
        (3, 5, 0.25),  # the needle's first token, and it is the decoded one
        (6, 5, 0.25),  # its last token
        (4, 6, 0.25),
        (4, 5, 0.0),  # looks at another token than it decodes
        (2, 5, 0.0),  # the same token right before the needle
        (7, 5, 0.0),  # and right behind it
        (11, 5, 0.0),  # a decoded token
    ],
)
def test_wu24_scores_a_copied_token(strongest, token, score):
    rows = np.full((2, KEYS), 0.05, np.float32)
    rows[0, strongest] = 0.45
    rows[1, 0] = 0.45
    found = wu24.copy_scores(rows, PROMPT, token, NEEDLE)
    np.testing.assert_array_equal(found, np.float32([score, 0]))


def test_wu24_of_several_layers_at_once():
    rows = np.random.default_rng(0).random((3, 2, KEYS)).astype(np.float32)
    rows[1, 0, 5] = 2.0
    expected = np.stack([wu24.copy_scores(layer, PROMPT, 7, NEEDLE) for layer in rows])
    found = wu24.copy_scores(rows, PROMPT, 7, NEEDLE)
    np.testing.assert_array_equal(found, expected)
    assert found[1, 0] == 0.25


def test_wu24_counts_the_answer_alone():
    copied = np.float32([[0.25, 0], [0.25, 0.25], [0, 0.25]])  # the third token ends the line
    np.testing.assert_array_equal(wu24.sample_scores(copied, slice(0, 2)), [0.5, 0.25])
    np.testing.assert_array_equal(wu24.sample_scores(copied, slice(0, 0)), [0, 0])


def test_wu24_over_samples():
    scores = np.float32([[0.5, 0, 0], [0, 0.25, 0], [0.25, 0, 0], [1, 1, 1]])
    successful = np.array([True, True, True, False])
    np.testing.assert_array_equal(
        wu24.over_samples(scores, successful), np.float32([0.25, 0.25 / 3, 0])
    )
    np.testing.assert_array_equal(
        wu24.over_samples(scores, successful, "scoring"), np.float32([0.375, 0.25, np.nan])
    )
    assert np.isnan(wu24.over_samples(scores, np.zeros(4, bool))).all()


def test_qrhead_is_the_mean_over_the_questions_tokens_less_the_null_query():
    rows = rows_of({0: {3: 0.5, 8: 0.5}, 1: {4: 0.25, 6: 0.25, 2: 0.5}})
    null = rows_of({0: {3: 0.125, 5: 0.125, 7: 0.75}})
    # c = .25 - .125, .125, -.125, .125; none is two standard deviations below the mean
    np.testing.assert_array_equal(qrhead.qrhead(rows, null, NEEDLE), [0.25])
    np.testing.assert_array_equal(qrhead.qrhead(null, rows, NEEDLE), [-0.25])


def test_qrhead_leaves_out_tokens_far_below_the_mean():
    needle = slice(1, 11)
    rows = rows_of({0: {key: 0.0625 for key in range(1, 11)}})
    null = rows_of({0: {4: 0.5}})
    # c = .0625 nine times and -.4375 once: mean .0125, unbiased standard deviation .158
    found = qrhead.qrhead(rows, null, needle)
    np.testing.assert_allclose(found, [9 * 0.0625])
    # far above the mean is what a retrieval head does
    above = qrhead.qrhead(rows + null, 0 * null, needle)
    np.testing.assert_allclose(above, [10 * 0.0625 + 0.5])


def test_qrheads_standard_deviation_is_the_unbiased_one():
    null = rows_of({0: {3: 0.125, 8: 0.5}})
    # c = -.125, -.5 and 0 four times: the limit is -.505 with five degrees of freedom, else -.470
    found = qrhead.qrhead(np.zeros_like(null), null, slice(3, 9))
    np.testing.assert_allclose(found, [-0.625])


def test_qrhead_of_an_even_document_and_of_one_token():
    rows = rows_of({0: {key: 0.1 for key in range(KEYS)}})
    nothing = np.zeros_like(rows)
    np.testing.assert_allclose(qrhead.qrhead(rows, nothing, NEEDLE), [0.4], rtol=1e-6)
    np.testing.assert_allclose(qrhead.qrhead(rows, nothing, slice(3, 4)), [0.1], rtol=1e-6)


def test_qrhead_against_the_other_documents():
    documents = [slice(0, 3), slice(3, 7), slice(7, 10)]
    rows = rows_of(
        {0: {1: 0.25, 4: 0.5, 8: 0.125}},  # finds the second one
        {0: {key: 0.0625 for key in range(10)}},  # looks everywhere
    )
    nothing = np.zeros_like(rows)
    others = [documents[0], documents[2]]
    found = qrhead.qrhead_contrast(rows, nothing, documents[1], others)
    np.testing.assert_allclose(found, [0.5 - (0.25 + 0.125) / 2, (4 - 3) * 0.0625])


def test_qrhead_over_samples():
    np.testing.assert_array_equal(
        qrhead.over_samples(np.float32([[0.5, 0], [-0.25, 1]])), [0.125, 0.5]
    )
