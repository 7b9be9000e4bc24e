"""LangChain classes as providers, and sentence transformers, which use one."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from model.errors import MultichainError, ProfileError
from model.profile import Profile
from model.providers.langchain import LangChainEmbeddings, LangChainProvider
from model.providers.sentence_transformers import SentenceTransformersProvider
from model.retrieval.local.index import Index
from model.runtime import usage
from model.runtime.event_loop import Engine
from tests.fixtures import EXERCISE
from training.indexing.build import build_index

langchain, sentence_transformers = LangChainProvider(), SentenceTransformersProvider()

FAKE = "langchain_core.embeddings:DeterministicFakeEmbedding"
STAGES = """\
index: {chunk_size: 800, overlap: 80, language: english}
stages:
  qa: {kind: retrieval_qa, chat: {provider: offline}}
"""


class AsymmetricEmbeddings(Embeddings):
    """Embeddings with different vectors for questions and passages."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[3.0, 0.0] for _ in texts]

    def embed_query(self, text: str) -> list[float]:
        return [0.0, 2.0]


def test_langchain_embeddings_are_normalised_and_of_unknown_cost(engine: Engine) -> None:
    embeddings = langchain.embeddings(FAKE, {"size": 5})
    with usage.track_usage() as account:
        vectors = engine.run(embeddings.embed(["a", "b", "a"]))
    assert (embeddings.provider, embeddings.model) == ("langchain", "DeterministicFakeEmbedding")
    expected = np.array(DeterministicFakeEmbedding(size=5).embed_documents(["a", "b"]))
    assert vectors[:2] == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-6)
    assert (vectors[0] == vectors[2]).all()
    assert account.usage == usage.Usage(cost_known=False)


def test_question_is_embedded_with_embed_query(engine: Engine) -> None:
    embeddings = langchain.embeddings(f"{__name__}:AsymmetricEmbeddings")
    assert engine.run(embeddings.embed(["a"])).tolist() == [[1, 0]]
    assert engine.run(embeddings.embed(["a", "b"], question=True)).tolist() == [[0, 1], [0, 1]]


def test_langchain_embeddings_are_made_without_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    embeddings: Any = langchain.embeddings("langchain_openai:OpenAIEmbeddings", {"model": "m"})
    assert (vars(embeddings)["_embeddings"].max_retries, embeddings.model) == (0, "OpenAIEmbeddings:m")


@pytest.mark.parametrize(
    ("path", "settings", "sentence"),
    [
        ("langchain_core.embeddings:Nope", None, "langchain_core.embeddings has no Nope"),
        ("no_such_package:Thing", None, "no_such_package:Thing cannot be imported"),
        ("pathlib:Path", None, "pathlib:Path is not a LangChain embeddings class"),
        (FAKE, {"sise": 5}, "rejects its settings"),
    ],
)
def test_invalid_embeddings_class_raises_profile_error(path: str, settings: Any, sentence: str) -> None:
    with pytest.raises(ProfileError, match=sentence):
        langchain.check_settings("embeddings", {"model": path, "settings": settings})


def test_index_is_built_with_langchain_embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = f'embeddings: {{provider: langchain, model: "{FAKE}", settings: {{size: 8}}}}\n'
    (tmp_path / "mine.yaml").write_text(entry + STAGES, "utf-8")
    profile = Profile.read("mine.yaml")
    result = build_index(profile, [EXERCISE], tmp_path / "index", lambda _done, _total: None)
    assert (result.manifest.dimension, result.manifest.embedding["model"]) == (8, "DeterministicFakeEmbedding")
    assert result.usage.cost_known is False
    pipeline = profile.make_pipeline(profile.make_retriever(Index.open(result.folder)))
    assert pipeline.stages.keys() == {"qa"}


def test_missing_sentence_transformers_error_names_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.providers.sentence_transformers.find_spec", lambda _: None)
    with pytest.raises(ProfileError, match=r"not installed; pip install -e '\.\[sentence-transformers\]'"):
        sentence_transformers.embeddings("any")


def test_folder_is_none_for_model_name_of_hub(tmp_path: Path) -> None:
    assert sentence_transformers.find_model_folder({"model": str(tmp_path)}) == tmp_path
    assert sentence_transformers.find_model_folder({"model": "sentence-transformers/all-MiniLM-L6-v2"}) is None
    assert sentence_transformers.find_distributions({}) == {
        "langchain-huggingface",
        "sentence-transformers",
        "tenacity",
    }


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    """Save a new model of 8 dimensions and return its folder."""
    pytest.importorskip("langchain_huggingface", reason="the extra sentence-transformers is not installed")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = {word: number for number, word in enumerate(["[UNK]", "what", "is", "langchain", "a", "framework"])}
    tokenizer = Tokenizer(WordLevel(words, unk_token="[UNK]"))  # noqa: S106 - a word
    tokenizer.pre_tokenizer = Whitespace()
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)]).save(str(tmp_path / "tiny"))
    return tmp_path / "tiny"


def test_sentence_transformer_embeds_from_local_folder(tiny_model: Path, engine: Engine) -> None:
    embeddings = sentence_transformers.embeddings(str(tiny_model))
    vectors = engine.run(embeddings.embed(["langchain is a framework", "langchain is a framework", "what"]))
    assert (embeddings.provider, embeddings.model, vectors.shape) == ("sentence_transformers", "tiny", (3, 8))
    assert vectors[0].tolist() == pytest.approx(vectors[1].tolist())
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0)


def test_logged_version_contains_sentence_transformer_folder(tiny_model: Path, store: Path, tmp_path: Path) -> None:
    import shutil

    import mlflow

    from training.packaging.log_model import log_model

    (tmp_path / "mine.yaml").write_text(
        f'embeddings: {{provider: sentence_transformers, model: "{tiny_model}"}}\n' + STAGES, "utf-8"
    )
    profile = Profile.read(str(tmp_path / "mine.yaml"))
    result = build_index(profile, [EXERCISE], tmp_path / "index", lambda _done, _total: None)
    uri = log_model(str(tmp_path / "mine.yaml"), result.folder)
    shutil.rmtree(tiny_model)
    response: Any = mlflow.pyfunc.load_model(uri).predict({"qa": {"question": "What is LangChain?"}})
    assert response["qa"]["answer"].startswith("LangChain is a framework")
    assert "multichain" not in sys.modules


def test_sdk_authentication_error_becomes_multichain_error(engine: Engine) -> None:
    class APIError(Exception): ...

    class AuthenticationError(APIError):
        status_code = 401

    class RefusingEmbeddings(AsymmetricEmbeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            raise AuthenticationError(f"sk-secret {len(texts)}")

    embeddings = LangChainEmbeddings("langchain", "x", RefusingEmbeddings(), usage.Usage())
    with pytest.raises(MultichainError, match=r"^langchain:x rejects the key"):
        engine.run(embeddings.embed(["a"]))
