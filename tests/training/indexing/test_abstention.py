"""The threshold of abstention: fitted to the corpus, right for three texts and for many."""

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


def chunk(text: str) -> Chunk:
    return Chunk("a.txt", "", "", 0, 0, len(text), text)


@pytest.mark.parametrize(
    ("documents", "right"), [("exercise", 1.6), ("guide", 1.3)], ids=["three texts", "a dozen pages"]
)
def test_it_parts_what_is_there_from_what_is_not(documents: str, right: float) -> None:
    chunks = [
        c for one in load_documents([ROOT / "documents" / documents]).documents for c in split_document(one, 800, 80)
    ]
    told = calibrate_threshold(chunks, Lexical.build(chunks, "english"))
    assert 0.05 < told["threshold"] < 0.5
    assert told["answered"] + told["refused"] > right
    assert calibrate_threshold(chunks, Lexical.build(chunks, "english")) == told


def test_one_chunk_and_chunks_that_say_nothing() -> None:
    lone = [chunk("The old pump near the boiler was built in Graz by two brothers.")]
    told = calibrate_threshold(lone, Lexical.build(lone, "english"))
    assert (told["answered"] > 0.9, told["refused"]) == (True, 1.0)
    short = chunk("Hi")
    told = calibrate_threshold([short], Lexical.build([short], "english"))
    assert told == {"threshold": 0.0, "answered": 1.0, "refused": 0.0}


def test_parting_takes_the_middle_of_what_parts_best() -> None:
    assert find_threshold(np.array([0.6, 0.8]), np.array([0.1, 0.2])) == pytest.approx(0.4)
    assert find_threshold(np.array([0.3, 0.6]), np.array([0.1, 0.4])) == pytest.approx(0.35, abs=0.16)


shares = st.lists(st.integers(0, 64).map(lambda share: share / 64), min_size=1, max_size=20)


@given(shares, shares)
def test_no_other_value_parts_better(there: list[float], gone: list[float]) -> None:
    def right(value: float) -> float:
        return float((np.array(there) >= value).mean() + (np.array(gone) < value).mean())

    assert right(find_threshold(np.array(there), np.array(gone))) >= max(map(right, [*there, *gone])) - 1e-9
