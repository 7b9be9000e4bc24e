"""What a provider takes at once is kept before it is asked."""

from hypothesis import given
from hypothesis import strategies as st

from model.providers import token_limits
from model.runtime import usage


def test_the_limits_of_an_embeddings_request_are_kept() -> None:
    assert [len(batch) for batch in token_limits.make_batches(["a"] * 5000)] == [2048, 2048, 904]
    assert [len(batch) for batch in token_limits.make_batches(["a" * 16_384] * 80)] == [36, 36, 8]
    assert list(token_limits.make_batches([])) == []


def test_a_text_beyond_the_models_input_is_cut_and_it_is_said() -> None:
    with usage.track_usage() as used:
        (longest,) = next(token_limits.make_batches(["水" * 9000]))
    assert len(longest.encode()) == 16_383
    assert used.notes == ["input_cut: a text was cut to 8,192 tokens before the embedding"]


def test_an_empty_text_becomes_a_space() -> None:
    assert list(token_limits.make_batches(["", "a"])) == [[" ", "a"]]


@given(st.lists(st.text(max_size=60), max_size=60))
def test_batches_hold_all_texts_in_order(texts: list[str]) -> None:
    assert [text for batch in token_limits.make_batches(texts) for text in batch] == [text or " " for text in texts]


@given(st.lists(st.text(max_size=60), max_size=20), st.integers(-5, 500))
def test_what_fits_is_the_longest_beginning_that_does(texts: list[str], room: int) -> None:
    kept = token_limits.take_fitting(texts, room)
    assert kept == texts[: len(kept)]
    assert not kept or sum(map(token_limits.count_tokens, kept)) <= room
    assert len(kept) == len(texts) or sum(map(token_limits.count_tokens, texts[: len(kept) + 1])) > room
