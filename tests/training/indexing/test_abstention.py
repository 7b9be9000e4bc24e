"""Calibration of the threshold of abstention on small and large corpora."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.passages import Chunk
from model.retrieval.local.lexical import Lexical
from tests.fixtures import ROOT
from training.documents.chunking import split_document
from training.documents.load import load_documents
from training.indexing.abstention import calibrate_threshold, find_threshold


def make_chunk(text: str) -> Chunk:
    return Chunk("a.txt", "", "", 0, 0, len(text), text)


@pytest.mark.parametrize(
    ("documents", "minimum"), [("exercise", 1.6), ("guide", 1.3)], ids=["three texts", "a dozen pages"]
)
def test_threshold_separates_answerable_from_unanswerable_questions(documents: str, minimum: float) -> None:
    chunks = [
        chunk
        for document in load_documents([ROOT / "documents" / documents]).documents
        for chunk in split_document(document, 800, 80)
    ]
    calibration = calibrate_threshold(chunks, Lexical.build(chunks, "english"))
    assert 0.05 < calibration["threshold"] < 0.5
    assert calibration["answered"] + calibration["refused"] > minimum
    assert calibrate_threshold(chunks, Lexical.build(chunks, "english")) == calibration


def test_calibration_accepts_one_chunk_and_one_short_word() -> None:
    chunks = [make_chunk("The old pump near the boiler was built in Graz by two brothers.")]
    calibration = calibrate_threshold(chunks, Lexical.build(chunks, "english"))
    assert (calibration["answered"] > 0.9, calibration["refused"]) == (True, 1.0)
    short = make_chunk("Hi")
    calibration = calibrate_threshold([short], Lexical.build([short], "english"))
    assert calibration == {"threshold": 0.0, "answered": 1.0, "refused": 0.0}


def test_threshold_is_the_middle_of_the_best_separation() -> None:
    assert find_threshold(np.array([0.6, 0.8]), np.array([0.1, 0.2])) == pytest.approx(0.4)
    assert find_threshold(np.array([0.3, 0.6]), np.array([0.1, 0.4])) == pytest.approx(0.35, abs=0.16)


shares = st.lists(st.integers(0, 64).map(lambda share: share / 64), min_size=1, max_size=20)


@given(shares, shares)
def test_threshold_separates_no_worse_than_any_support(answerable: list[float], unanswerable: list[float]) -> None:
    def measure_separation(value: float) -> float:
        return float((np.array(answerable) >= value).mean() + (np.array(unanswerable) < value).mean())

    threshold = find_threshold(np.array(answerable), np.array(unanswerable))
    assert measure_separation(threshold) >= max(map(measure_separation, [*answerable, *unanswerable])) - 1e-9
