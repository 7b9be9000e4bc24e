"""Define where a profile's passages can be: in a local index, or in an index of Databricks AI Search."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ..config.settings import SettingProblem, find_problems
from ..interfaces import Embeddings
from .retriever import Retriever

BackendSettings = Mapping[str, Any]
"""A profile's section ``index``."""


class IndexSection(Protocol):
    """The section ``index`` of a profile, for one kind of index: a dataclass of its settings."""

    def find_problems(self) -> Iterator[SettingProblem]:
        """Yield what the types of the settings do not say."""
        ...


class Backend(ABC):
    """A kind of index.

    Attributes:
        is_local: Whether a build makes the index, and a version contains it.
        section_class: The class of a profile's section ``index``.
    """

    is_local: ClassVar[bool]
    section_class: ClassVar[Callable[..., IndexSection]]

    def find_problems(self, settings: BackendSettings) -> Iterator[SettingProblem]:
        """Yield what is wrong with a profile's section ``index``: types first, then values."""
        problems = list(find_problems(self.section_class, settings))
        yield from problems or self.section_class(**settings).find_problems()

    def find_distributions(self) -> set[str]:
        """Return the distributions that a version with this kind of index needs to serve."""
        return set()

    @abstractmethod
    def open_index(self, folder: Path) -> Any:
        """Open the index, or the description of one, that a build wrote into ``folder``.

        Raises:
            IndexFolderError: The folder contains no index of this kind, or is damaged.
        """

    @abstractmethod
    def make_retriever(self, index: Any, make_embedder: Callable[..., Embeddings | None]) -> Retriever:
        """Return the retriever over an index.

        Args:
            index: An index that ``open_index`` returned.
            make_embedder: Returns the profile's embeddings; takes the index whose fit they use.

        Raises:
            ProfileError: A setting of the embeddings is invalid.
        """


BACKENDS = {"faiss": "local.hybrid:LocalBackend", "ai_search": "ai_search.retriever:AISearchBackend"}
"""Value of ``retriever`` in a profile → module and class."""
DEFAULT = "faiss"
"""The backend of a profile that names none."""


@cache
def load_backend(name: str) -> Backend:
    """Return the backend ``name``, which is one of BACKENDS."""
    module, _, class_name = BACKENDS[name].partition(":")
    backend: Backend = getattr(import_module(f".{module}", __package__), class_name)()
    return backend
