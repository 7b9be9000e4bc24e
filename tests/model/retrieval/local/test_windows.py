"""The windows over which character n-grams are searched."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from model.blocks import BlockSpan, make_table
from model.passages import Chunk
from model.retrieval.local.bm25 import Postings
from model.retrieval.local.windows import WindowIndex, split_units
from model.text_analysis import split_into_ngrams


def count_windows(*chunks: Chunk) -> list[int]:
    """Return the number of windows of each chunk."""
    return [max(unit.last_window for unit in split_units(chunk)) + 1 for chunk in chunks]


def make_chunk(text: str, *blocks: BlockSpan) -> Chunk:
    return Chunk("a.txt", "", "", 0, 0, len(text), text, (), blocks)


def test_window_begins_at_every_sentence_up_to_the_last_three() -> None:
    sentences = [f"Sentence number {number} is here." for number in range(6)]
    chunks = [make_chunk(" ".join(sentences[:length])) for length in (1, 3, 4, 6)]
    assert count_windows(*chunks) == [1, 1, 2, 4]


def test_row_has_a_window_of_its_own() -> None:
    table = make_table(["Code", "Colour"], [[f"ST-{number}", "red"] for number in range(5)]).text
    assert count_windows(make_chunk(table, BlockSpan("table", 0, len(table)))) == [5]


def test_chunk_without_a_sentence_is_a_window() -> None:
    assert count_windows(make_chunk("Word")) == [1]


def score_by_definition(chunks: list[Chunk], question: str) -> list[float]:
    """Score each chunk with loops over its windows."""
    windows: list[tuple[int, list[str]]] = []
    for number, chunk in enumerate(chunks):
        units = split_units(chunk)
        for window in range(max(unit.last_window for unit in units) + 1):
            texts = [unit.text for unit in units if unit.first_window <= window <= unit.last_window]
            windows.append((number, [ngram for text in texts for ngram in split_into_ngrams(text)]))
    mean_length = sum(len(ngrams) for _, ngrams in windows) / len(windows) or 1.0

    def weigh(ngram: str) -> float:
        count = sum(ngram in ngrams for _, ngrams in windows)
        return math.log(1 + (len(windows) - count + 0.5) / (count + 0.5))

    ngrams_of_question = set(split_into_ngrams(question))
    total = sum(map(weigh, ngrams_of_question)) or 1.0
    best = [0.0] * len(chunks)
    for number, ngrams in windows:
        norm = 1 + 1.2 * (1 - 0.75 + 0.75 * len(ngrams) / mean_length)
        best[number] = max(best[number], sum(map(weigh, ngrams_of_question & set(ngrams))) / total / norm)
    return best


words_strategy = st.lists(st.sampled_from(["fox", "whale", "foxes", "7", "apples"]), min_size=1, max_size=4)
texts_strategy = st.lists(words_strategy.map(" ".join), min_size=1, max_size=6).map(". ".join)


@given(st.lists(texts_strategy, min_size=1, max_size=5), texts_strategy)
def test_scores_follow_the_definition(texts: list[str], question: str) -> None:
    chunks = [make_chunk(text) for text in texts]
    scores = WindowIndex.build(chunks).scores(split_into_ngrams(question))
    assert scores.tolist() == pytest.approx(score_by_definition(chunks, question), abs=1e-4)


def test_heading_belongs_to_every_window_and_counts_once() -> None:
    sentences = [f"Sentence number {number} tells of the fox." for number in range(6)]
    text = " ".join(sentences)
    chunk = Chunk("a.txt", "Foxes", "Fox", 0, 0, len(text), text)
    scores = WindowIndex.build([chunk, make_chunk("A whale.")]).scores(split_into_ngrams("fox"))
    assert scores.tolist() == pytest.approx(score_by_definition([chunk, make_chunk("A whale.")], "fox"), abs=1e-4)


def test_ngrams_of_most_windows_count_nothing() -> None:
    chunks = [make_chunk(f"The fox {'sleeps' if number % 50 else 'barks'} {number}.") for number in range(400)]
    windows = WindowIndex.build(chunks)
    assert windows.scores(split_into_ngrams("fox")).tolist() == [0.0] * 400
    barks, fox_barks = (windows.scores(split_into_ngrams(text)) for text in ("barks", "fox barks"))
    assert barks.tolist() == fox_barks.tolist()
    assert np.flatnonzero(barks).tolist() == list(range(0, 400, 50))
    assert windows.idf_of("fox ") > 0


def test_positions_beyond_two_bytes_are_read_back() -> None:
    units = np.array([0, 65_535, 65_536, 300_000], dtype=np.int32)
    matrix = sparse.csr_matrix((np.ones(4), units, [0, 4]), shape=(1, 300_001))
    matrix = sparse.vstack([matrix, sparse.csr_matrix((1, 300_001)), matrix[:, ::-1].tocsr().sorted_indices()]).tocsr()
    postings = Postings(Postings.make_arrays(matrix, [1.0] * 3), {"fox": 0, "whale": 1, "frog": 2}, 300_001)
    reversed_units = (300_000 - units)[::-1].tolist()
    assert postings.read_positions(postings.find_rows(["fox"])).tolist() == units.tolist()
    assert postings.read_positions(postings.find_rows(["frog", "whale", "fox", "gnu"])).tolist() == [
        *reversed_units,
        *units.tolist(),
    ]
    assert postings.find_texts("fox", np.array([0, 1, 65_535, 65_536, 300_000])).tolist() == [1, 0, 1, 1, 1]
    assert postings.find_texts("frog", np.array(reversed_units)).all()
    assert not postings.find_texts("whale", units.astype(np.int64)).any()
    assert not postings.find_texts("gnu", units.astype(np.int64)).any()
