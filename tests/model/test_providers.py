"""The registry of providers, the factories of each, and what a provider does by default."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from model.config.settings import Dependency, Factory, list_settings
from model.errors import ProfileError
from model.providers import PROVIDERS, ModelFolder, Provider, load_provider, make_provider, provider_settings
from model.providers.chat_diagrams import ChatDiagramGenerator
from model.providers.chat_models import ChatProvider
from model.providers.langchain import LangChainEmbeddings
from model.providers.offline.diagrams import OfflineDiagramGenerator
from model.providers.offline.embeddings import OfflineEmbeddings
from model.providers.offline.extractive_qa import ExtractiveAnswerer
from model.providers.openai_protocol.embeddings import OpenAIEmbeddings
from model.providers.openai_protocol.images import AutoGenerator, ImagesApiGenerator, ResponsesApiGenerator
from model.providers.rerankers import ChatReranker
from model.retrieval.local.index import Index
from model.runtime.event_loop import Engine

FAKE_CHAT = "langchain_core.language_models.fake_chat_models:FakeListChatModel"
FAKE_EMBEDDINGS = "langchain_core.embeddings:DeterministicFakeEmbedding"


class PlainProvider(Provider):
    """A provider that declares its factories alone."""

    name = "plain"

    @property
    def factories(self) -> Mapping[str, Factory]:
        """The factory of each role."""
        return MappingProxyType({"chat": dict})


class Extra(Dependency):
    """A part that no factory declares."""


def test_registry_lists_providers_in_order_of_documentation() -> None:
    names = ["offline", "openai", "azure", "databricks", "compatible", "sentence_transformers", "langchain"]
    assert list(PROVIDERS) == names


@pytest.mark.parametrize("name", PROVIDERS)
def test_loaded_provider_has_its_name_and_is_loaded_once(name: str) -> None:
    provider = load_provider(name)
    assert isinstance(provider, Provider)
    assert provider.name == name
    assert load_provider(name) is provider


@pytest.mark.parametrize("name", ["opnai", "", "OpenAI"])
def test_unknown_provider_error_lists_the_providers(name: str) -> None:
    with pytest.raises(ProfileError) as error:
        load_provider(name)
    assert str(error.value) == (
        "there is no provider of that name; use one of offline, openai, azure, databricks, compatible, "
        "sentence_transformers, langchain"
    )


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("offline", {"chat", "embeddings", "images"}),
        ("openai", {"chat", "embeddings", "images", "reranker"}),
        ("azure", {"chat", "embeddings", "images", "reranker"}),
        ("databricks", {"chat", "embeddings", "images", "reranker"}),
        ("compatible", {"chat", "embeddings", "images", "reranker"}),
        ("sentence_transformers", {"embeddings"}),
        ("langchain", {"chat", "embeddings", "reranker"}),
    ],
)
def test_provider_offers_its_roles(name: str, roles: set[str]) -> None:
    assert set(load_provider(name).factories) == roles


SERVICE_DEFAULTS: dict[str, dict[str, Any]] = {
    "chat": {
        "fallback": True,
        "temperature": None,
        "structured": None,
        "max_tokens": 0,
        "window": 0,
        "pace": None,
        "cache": 0,
        "instructions": "",
        "sub_questions": 0,
        "omit": None,
    },
    "embeddings": {
        "dimensions": 0,
        "question_prompt": None,
        "passage_prompt": None,
        "window": 8192,
        "batch": 0,
        "omit": None,
        "pace": None,
        "cache": 86_400,
    },
    "reranker": {"fallback": True, "window": 0, "pace": None},
    "images": {
        "models": None,
        "chat_models": None,
        "way": "auto",
        "fallback": True,
        "quality": "auto",
        "output_format": "webp",
        "omit": None,
        "pace": None,
        "cache": 0,
    },
}
DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "openai": SERVICE_DEFAULTS,
    "azure": SERVICE_DEFAULTS,
    "compatible": SERVICE_DEFAULTS,
    "databricks": SERVICE_DEFAULTS | {"images": {"fallback": True, "pace": None}},
    "offline": {"chat": {"quotes": 3, "margin": 0.4, "abstain_below": 0.33}, "embeddings": {}, "images": {}},
    "sentence_transformers": {"embeddings": {"question_prompt": "", "passage_prompt": ""}},
    "langchain": {
        "chat": {"settings": None, "window": 0, "pace": None, "instructions": "", "sub_questions": 0},
        "embeddings": {"settings": None},
        "reranker": {"settings": None, "window": 0},
    },
}


@pytest.mark.parametrize(("name", "role"), [(name, role) for name, roles in DEFAULTS.items() for role in roles])
def test_settings_have_their_documented_defaults(name: str, role: str) -> None:
    settings = list_settings(load_provider(name).factories[role]).values()
    defaults = {setting.name: setting.default for setting in settings if setting.default is not setting.empty}
    assert defaults == DEFAULTS[name][role]


@pytest.mark.parametrize("provider", ["openai", "azure", "compatible"])
@pytest.mark.parametrize(
    ("role", "settings", "expected"),
    [
        ("chat", {"models": ["a"]}, ChatProvider),
        ("embeddings", {"model": "a"}, OpenAIEmbeddings),
        ("reranker", {"models": ["a"]}, ChatReranker),
        ("images", {"models": ["a"], "chat_models": ["b"]}, AutoGenerator),
        ("images", {"models": ["a"], "way": "images"}, ImagesApiGenerator),
        ("images", {"chat_models": ["a"], "way": "responses"}, ResponsesApiGenerator),
        ("images", {"chat_models": ["a"], "way": "diagram"}, ChatDiagramGenerator),
    ],
)
def test_service_makes_the_object_of_each_role(
    provider: str, role: str, settings: dict[str, Any], expected: type
) -> None:
    assert type(make_provider({"provider": provider} | settings, role)) is expected


@pytest.mark.parametrize(
    ("entry", "role", "expected"),
    [
        ({"provider": "databricks", "chat_models": ["a"]}, "images", ChatDiagramGenerator),
        ({"provider": "databricks", "models": ["a"]}, "chat", ChatProvider),
        ({"provider": "offline"}, "embeddings", OfflineEmbeddings),
        ({"provider": "offline"}, "images", OfflineDiagramGenerator),
        ({"provider": "langchain", "model": FAKE_CHAT, "settings": {"responses": ["a"]}}, "chat", ChatProvider),
        ({"provider": "langchain", "model": FAKE_CHAT, "settings": {"responses": ["a"]}}, "reranker", ChatReranker),
        (
            {"provider": "langchain", "model": FAKE_EMBEDDINGS, "settings": {"size": 4}},
            "embeddings",
            LangChainEmbeddings,
        ),
    ],
)
def test_entry_makes_the_object_of_its_role(entry: dict[str, Any], role: str, expected: type) -> None:
    assert type(make_provider(entry, role)) is expected


def test_entry_of_embeddings_gives_provider_and_model() -> None:
    embeddings = make_provider({"provider": "azure", "model": "small"}, "embeddings")
    assert (embeddings.provider, embeddings.model, embeddings.semantic) == ("azure", "small", True)
    assert (embeddings.batch_size, embeddings.batch_window) == (2048, 0.001)


def test_factory_receives_only_the_parts_that_it_declares(index_folder: Path) -> None:
    index = Index.open(index_folder)
    answerer = make_provider({"provider": "offline"}, "chat", None, Extra(), index, ModelFolder(Path("a")))
    assert isinstance(answerer, ExtractiveAnswerer)
    with pytest.raises(TypeError, match="index"):
        make_provider({"provider": "offline"}, "chat", Extra())


def test_entry_with_invalid_setting_raises_error() -> None:
    with pytest.raises(ValueError, match="cache"):
        make_provider({"provider": "openai", "models": ["a"], "cache": -1}, "chat")


def test_provider_settings_omit_the_name_and_leave_the_entry_as_it_is() -> None:
    entry = {"provider": "openai", "models": ["a"], "window": 5}
    assert provider_settings(entry) == {"models": ["a"], "window": 5}
    assert entry["provider"] == "openai"
    assert provider_settings({}) == {}


def test_provider_needs_nothing_beyond_its_factories(engine: Engine) -> None:
    provider = PlainProvider()
    assert provider.find_distributions({"model": "a"}) == set()
    assert provider.find_model_folder({"model": "."}) is None
    assert engine.run(provider.list_statuses(["a"])) == []
    provider.check_settings("chat", {"anything": 1})


def test_model_folder_is_a_part_with_its_path() -> None:
    folder = ModelFolder(Path("a"))
    assert isinstance(folder, Dependency)
    assert folder.path == Path("a")


@pytest.mark.parametrize(
    ("name", "settings", "distributions"),
    [
        ("offline", {}, {"scikit-learn", "numpy", "pillow", "pygraphviz", "textblob"}),
        ("sentence_transformers", {"model": "a"}, {"langchain-huggingface", "sentence-transformers", "tenacity"}),
        ("langchain", {"model": FAKE_CHAT}, {"langchain-core", "tenacity"}),
    ],
)
def test_distributions_are_those_of_the_library(name: str, settings: dict[str, Any], distributions: set[str]) -> None:
    assert load_provider(name).find_distributions(settings) == distributions
