"""Token limits of requests, applied before the call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.providers import token_limits
from model.runtime import usage


def test_batches_stay_within_limits_of_an_embeddings_request() -> None:
    assert [len(batch) for batch in token_limits.make_batches(["a"] * 5000)] == [2048, 2048, 904]
    assert [len(batch) for batch in token_limits.make_batches(["a" * 32_768] * 80)] == [36, 36, 8]
    assert list(token_limits.make_batches([])) == []


def test_text_beyond_input_limit_is_cut_with_a_note() -> None:
    with usage.track_usage() as account:
        (text,) = next(token_limits.make_batches(["水" * 9000]))
    assert text == "水" * 4096
    assert account.notes == ["input_cut: a text was cut to 8,192 tokens before the embedding"]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("The quick fox", 4),
        ("AX-4031, 1.5%", 11),
        ("a\n\n  b", 4),
        ("für", 4),
        ("Отчёт", 6),
        ("报告", 4),
        ("보고", 6),
        ("🎉", 4),
    ],
)
def test_tokens_are_estimated_by_script(text: str, tokens: int) -> None:
    assert token_limits.count_tokens(text) == tokens


@given(st.text(), st.integers(0, 40))
def test_cut_text_is_the_longest_beginning_within_the_limit(text: str, limit: int) -> None:
    with usage.track_usage():
        shortened = token_limits.cut_text(text, limit)
    assert text.startswith(shortened)
    assert token_limits.count_tokens(shortened) <= limit
    assert shortened == text or token_limits.count_tokens(text[: len(shortened) + 1]) > limit


def test_empty_text_becomes_a_space() -> None:
    assert list(token_limits.make_batches(["", "a"])) == [[" ", "a"]]


@given(st.lists(st.text(max_size=60), max_size=60))
def test_batches_hold_all_texts_in_order(texts: list[str]) -> None:
    assert [text for batch in token_limits.make_batches(texts) for text in batch] == [text or " " for text in texts]


@given(st.lists(st.text(max_size=60), max_size=20), st.integers(-5, 500))
def test_take_fitting_returns_longest_prefix_that_fits(texts: list[str], room: int) -> None:
    prefix = token_limits.take_fitting(texts, room)
    assert prefix == texts[: len(prefix)]
    assert not prefix or sum(map(token_limits.count_tokens, prefix)) <= room
    assert len(prefix) == len(texts) or sum(map(token_limits.count_tokens, texts[: len(prefix) + 1])) > room
