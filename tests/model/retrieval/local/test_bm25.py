"""BM25: shares of what a query could score, by the formula, and the same after saving."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.retrieval.local.bm25 import BM25, count_terms

TEXTS = [["red", "fox"], ["blue", "whale"], ["red", "whale", "red"]]
IN_NO_TEXT, IN_SINGLE_TEXT, IN_TWO_TEXTS = math.log(8), math.log(8 / 3), math.log(1.6)
"""Inverse document frequency among three texts: log(1 + (3 - n + 0.5) / (n + 0.5))."""

Texts = list[list[str]]
texts_strategy = st.lists(st.lists(st.sampled_from("abcd"), max_size=5), min_size=1, max_size=6)
query_strategy = st.lists(st.sampled_from("abcdxy"), max_size=5)


def build_scorer(texts: Texts, k1: float = 1.0, b: float = 0.0) -> BM25:
    return BM25.build(*count_terms(texts), k1, b)


def score_by_formula(texts: Texts, query: list[str], k1: float, b: float) -> list[float]:
    """Score each text with loops, as the formula is printed."""

    def weigh(term: str) -> float:
        count = sum(term in text for text in texts)
        return math.log(1 + (len(texts) - count + 0.5) / (count + 0.5))

    mean = sum(map(len, texts)) / len(texts) or 1.0
    maximum = sum(map(weigh, set(query))) or 1.0
    return [
        sum(
            weigh(term) * text.count(term) / (text.count(term) + k1 * (1 - b + b * len(text) / mean))
            for term in set(query) & set(text)
        )
        / maximum
        for text in texts
    ]


@pytest.mark.parametrize(
    ("k1", "b", "shares"),
    [
        (1.0, 0.0, [1 / 2, 3 / 4]),
        (2.0, 0.0, [1 / 3, 3 / 5]),
        (0.0, 0.0, [1, 1]),
        (1.0, 1.0, [1 / 1.5, 3 / 4.5]),
        (1.0, 0.5, [1 / 1.75, 3 / 4.25]),
    ],
)
def test_score_saturates_with_k1_and_falls_with_length_by_b(k1: float, b: float, shares: list[float]) -> None:
    """The texts have one and three words, so two on average."""
    assert build_scorer([["a"], ["a"] * 3], k1, b).scores(["a"]).tolist() == pytest.approx(shares)


def test_rare_term_weighs_more_and_unknown_term_most() -> None:
    weights = build_scorer(TEXTS).weights(["red", "fox", "zebra", "fox"])
    assert list(weights) == ["red", "fox", "zebra"]
    assert weights == pytest.approx({"red": IN_TWO_TEXTS, "fox": IN_SINGLE_TEXT, "zebra": IN_NO_TEXT})


def test_unknown_term_lowers_the_score() -> None:
    scores = build_scorer(TEXTS).scores(["zebra", "red"])
    share = IN_TWO_TEXTS / (IN_NO_TEXT + IN_TWO_TEXTS)
    assert scores.tolist() == pytest.approx([share / 2, 0, share * 2 / 3])


def test_repeated_term_of_a_query_counts_once() -> None:
    scorer = build_scorer(TEXTS)
    assert scorer.scores(["red", "fox", "red"]).tolist() == scorer.scores(["red", "fox"]).tolist()
    assert scorer.scores(["red", "fox"])[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("terms", "intended_terms", "score"),
    [
        (["fox"], ["fox"], 1 / 2),
        (["fox"], ["zebra"], IN_SINGLE_TEXT / IN_NO_TEXT / 2),
        (["fox"], ["fox", "zebra"], IN_SINGLE_TEXT / (IN_SINGLE_TEXT + IN_NO_TEXT) / 2),
        (["fox"], ["red"], 1 / 2),
        (["fox"], [], 1 / 2),
    ],
)
def test_score_is_divided_by_the_intended_terms(terms: list[str], intended_terms: list[str], score: float) -> None:
    assert build_scorer(TEXTS).scores(terms, intended_terms)[0] == pytest.approx(score)


@pytest.mark.parametrize("query", [[], ["zebra"], [""]])
def test_query_without_a_known_term_scores_zero(query: list[str]) -> None:
    scores = build_scorer(TEXTS).scores(query)
    assert (scores.tolist(), scores.dtype) == ([0, 0, 0], np.float32)


def test_texts_without_terms_score_zero() -> None:
    scorer = build_scorer([[], []], b=1.0)
    assert scorer.scores(["a"]).tolist() == [0, 0]
    assert scorer.weights(["a"]) == pytest.approx({"a": math.log(6)})


def test_terms_of_texts_have_a_document_frequency() -> None:
    scorer = build_scorer(TEXTS)
    assert ("whale" in scorer, "zebra" in scorer, 5 in scorer) == (True, False, False)
    assert scorer.idf_of("whale") == pytest.approx(IN_TWO_TEXTS)
    with pytest.raises(KeyError):
        scorer.idf_of("zebra")


def test_terms_are_counted_in_order_of_their_first_use() -> None:
    counts, columns = count_terms([["b", "a", "b"], [], ["c", "a"]])
    assert columns == {"b": 0, "a": 1, "c": 2}
    assert counts.toarray().tolist() == [[2, 1, 0], [0, 0, 0], [0, 1, 1]]
    assert (counts.dtype, counts.nnz) == (np.float32, 4)


@pytest.mark.parametrize(("texts", "shape"), [([], (0, 1)), ([[], []], (2, 1)), ([["a"], ["a"]], (2, 1))])
def test_counts_have_a_column_even_without_terms(texts: Texts, shape: tuple[int, int]) -> None:
    assert count_terms(texts)[0].shape == shape


@given(texts_strategy, query_strategy, st.floats(0, 3), st.floats(0, 1))
def test_scores_follow_the_formula(texts: Texts, query: list[str], k1: float, b: float) -> None:
    scores = build_scorer(texts, k1, b).scores(query)
    assert scores.tolist() == pytest.approx(score_by_formula(texts, query, k1, b), abs=1e-5)
    assert ((scores >= 0) & (scores <= 1)).all()


@given(texts_strategy, query_strategy)
def test_order_of_texts_and_terms_changes_no_score(texts: Texts, query: list[str]) -> None:
    scores = build_scorer(texts, b=0.75).scores(query)
    reversed_scores = build_scorer(texts[::-1], b=0.75).scores(query[::-1])
    assert reversed_scores.tolist() == pytest.approx(scores.tolist()[::-1], abs=1e-6)


def test_reopened_scorer_scores_the_same(tmp_path: Path) -> None:
    scorer = build_scorer([*TEXTS, ["füchse"]], 1.2, 0.6)
    scorer.save(tmp_path / "new" / "words")
    opened = BM25.open(tmp_path / "new" / "words")
    assert (opened.texts, list(opened.terms.items())) == (4, list(scorer.terms.items()))
    for query in (["red"], ["füchse", "zebra"], ["whale", "fox", "red"], []):
        assert opened.scores(query).tolist() == scorer.scores(query).tolist()
        assert opened.weights(query) == scorer.weights(query)


def test_saved_terms_are_readable_json(tmp_path: Path) -> None:
    build_scorer([["füchse", "a"]]).save(tmp_path / "words")
    text = (tmp_path / "words" / "terms.json").read_text("utf-8")
    assert json.loads(text) == {"texts": 1, "terms": ["füchse", "a"]}
    assert "füchse" in text
    with pytest.raises(FileExistsError):
        build_scorer(TEXTS).save(tmp_path / "words")


@given(texts_strategy, st.data())
def test_texts_of_a_term_are_those_that_contain_it(texts: Texts, data: st.DataObject) -> None:
    positions = sorted(data.draw(st.sets(st.integers(0, len(texts) - 1))))
    for term in "abcdx":
        contained = build_scorer(texts).find_texts(term, np.array(positions, dtype=np.int64))
        assert contained.tolist() == [term in texts[position] for position in positions]


@given(texts_strategy, query_strategy)
def test_coverage_is_the_idf_of_the_terms_that_a_text_contains(texts: Texts, query: list[str]) -> None:
    scorer = build_scorer(texts)
    weights = scorer.weights(query)
    shares = [sum(weight for term, weight in weights.items() if term in text) for text in texts]
    expected = [share / (sum(weights.values()) or 1) for share in shares]
    assert scorer.coverage(query, np.arange(len(texts))).tolist() == pytest.approx(expected, abs=1e-6)
