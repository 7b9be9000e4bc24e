"""Texts fail alone: which calls are repeated by halves, and what is learned about a server's largest batch."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import MultichainError, ProviderUnavailableError, RejectedCallError, UnmatchedVectorsError
from model.retrieval.embedding_calls import PROBE_TEXT, embed_each
from model.runtime.event_loop import Engine


class FakeEmbeddings:
    """Embeds a text as its length; ``find_fault`` returns the error of a call, or None."""

    provider, model, semantic, batch_window = "fake", "m", True, 0.0

    def __init__(self, find_fault: Callable[[Sequence[str]], MultichainError | None]) -> None:
        self.batch_size, self.calls = 2048, list[list[str]]()
        self._find_fault = find_fault

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Any:
        """Return a vector for each text, in calls of at most ``batch_size`` texts."""
        rows = []
        for start in range(0, len(texts), self.batch_size):
            batch = list(texts[start : start + self.batch_size])
            self.calls.append(batch)
            if fault := self._find_fault(batch):
                raise fault
            rows += [[float(len(text)), 1.0] for text in batch]
        return np.array(rows, dtype=np.float32)


def embed(embeddings: FakeEmbeddings, texts: Sequence[str], max_failures: int | None = None) -> list[Any]:
    outcomes = Engine().run(embed_each(embeddings, texts, max_failures=max_failures))
    return [str(each) if isinstance(each, MultichainError) else each.tolist()[0] for each in outcomes]


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 19), max_size=6), st.sampled_from([RejectedCallError, ProviderUnavailableError]))
def test_only_texts_that_fail_alone_have_an_error(faulty: set[int], kind: type[MultichainError]) -> None:
    texts = [f"{n:02}{'x' * n}" for n in range(20)]
    bad_texts = {texts[n] for n in faulty}
    embeddings = FakeEmbeddings(lambda batch: kind("no") if bad_texts & set(batch) else None)
    assert embed(embeddings, texts) == ["no" if n in faulty else float(n + 2) for n in range(20)]


def test_largest_batch_is_found_by_halving_and_kept() -> None:
    embeddings = FakeEmbeddings(lambda batch: RejectedCallError("too many") if len(batch) > 32 else None)
    assert len(embed(embeddings, ["text"] * 100)) == 100
    assert [len(call) for call in embeddings.calls] == [100, 1, 50, 25, 25, 25, 25]
    embeddings.calls.clear()
    embed(embeddings, ["text"] * 60)
    assert [len(call) for call in embeddings.calls] == [25, 25, 10]


def test_batch_size_stays_where_one_text_was_the_cause() -> None:
    embeddings = FakeEmbeddings(lambda batch: RejectedCallError("no") if "bad" in batch else None)
    assert embed(embeddings, ["good", "bad", "well"]) == [4.0, "no", 4.0]
    assert embeddings.batch_size == 2048


def test_server_that_fails_at_every_text_is_asked_twice() -> None:
    embeddings = FakeEmbeddings(lambda _: ProviderUnavailableError("down"))
    with pytest.raises(ProviderUnavailableError, match=r"^down$"):
        embed(embeddings, ["text"] * 50)
    assert [len(call) for call in embeddings.calls] == [50, 1]
    assert embeddings.calls[1] == [PROBE_TEXT]


def test_more_failures_than_allowed_raise_the_error_of_one() -> None:
    embeddings = FakeEmbeddings(lambda batch: RejectedCallError("long") if any(len(t) > 1 for t in batch) else None)
    assert embed(embeddings, ["text"] * 2, max_failures=2) == ["long"] * 2
    with pytest.raises(RejectedCallError, match=r"^long$"):
        embed(embeddings, ["text"] * 3, max_failures=2)


def test_vectors_that_match_no_text_are_no_fault_of_a_text() -> None:
    embeddings = FakeEmbeddings(lambda _: UnmatchedVectorsError("uneven"))
    with pytest.raises(UnmatchedVectorsError):
        embed(embeddings, ["text"] * 8)
    assert len(embeddings.calls) == 1
