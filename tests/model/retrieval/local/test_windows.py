"""The windows over which character n-grams are searched."""

import numpy as np

from model.blocks import BlockSpan, make_table
from model.passages import Chunk
from model.retrieval.local.lexical import Lexical


def count_windows(*chunks: Chunk) -> list[int]:
    """Return the number of windows of each chunk."""
    lexical = Lexical.build(chunks, "english")
    return np.bincount(lexical._owners, minlength=len(chunks)).tolist()  # noqa: SLF001 - windows have no other face


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
