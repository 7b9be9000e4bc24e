"""Backends are loaded by the name that a profile gives."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from model.config.settings import SettingProblem
from model.interfaces import Embeddings
from model.retrieval.ai_search.retriever import AISearchBackend
from model.retrieval.backends import BACKENDS, DEFAULT, Backend, BackendSettings, load_backend
from model.retrieval.local.hybrid import LocalBackend
from model.retrieval.retriever import Retriever


@pytest.mark.parametrize(
    ("name", "kind", "is_local", "distributions"),
    [("faiss", LocalBackend, True, set()), ("ai_search", AISearchBackend, False, {"databricks-sdk", "tenacity"})],
)
def test_backend_is_loaded_by_its_name(name: str, kind: type[Backend], is_local: bool, distributions: set[str]) -> None:
    backend = load_backend(name)
    assert (type(backend), backend.is_local) == (kind, is_local)
    assert backend.find_distributions() >= distributions
    assert load_backend(name) is backend


def test_profile_without_a_retriever_has_the_local_backend() -> None:
    assert (list(BACKENDS), DEFAULT) == (["faiss", "ai_search"], "faiss")


def test_unknown_backend_is_no_key() -> None:
    with pytest.raises(KeyError):
        load_backend("elastic")


def test_backend_needs_no_distributions_unless_it_says_so() -> None:
    class SmallBackend(Backend):
        is_local = True

        def find_problems(self, settings: BackendSettings) -> Iterator[SettingProblem]:
            yield from (SettingProblem((name,), "unknown") for name in settings)

        def open_index(self, folder: Path) -> Path:
            return folder

        def make_retriever(self, index: Any, make_embedder: Callable[..., Embeddings | None]) -> Retriever:
            raise NotImplementedError

    assert SmallBackend().find_distributions() == set()
