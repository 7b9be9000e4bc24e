"""LangChain's own standard tests, over the retriever that a version offers."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from model.langchain_adapter import DocumentRetriever
from model.profile import Profile
from model.retrieval.local.index import Index
from model.runtime.event_loop import Engine


class TestDocumentRetriever(RetrieversIntegrationTests):
    """The tests that LangChain expects every retriever to pass."""

    @pytest.fixture(autouse=True)
    def _open_index(self, index_folder: Path) -> None:
        self._retriever = Profile.read("offline").make_retriever(Index.open(index_folder))

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        """The class under test."""
        return DocumentRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        """The arguments of the class."""
        return {"retriever": self._retriever, "engine": Engine()}

    @property
    def retriever_query_example(self) -> str:
        """A query that several documents answer."""
        return "What is LangChain?"

    def test_filter_of_a_call_replaces_that_of_the_retriever(self, retriever: BaseRetriever) -> None:
        documents = retriever.invoke(self.retriever_query_example, filter={"source": "gpt-4.txt"})
        assert {document.metadata["source"] for document in documents} == {"gpt-4.txt"}

    def test_unknown_setting_of_a_call_is_refused(self, retriever: BaseRetriever) -> None:
        with pytest.raises(TypeError, match="filtre"):
            retriever.invoke(self.retriever_query_example, filtre={"source": "gpt-4.txt"})
