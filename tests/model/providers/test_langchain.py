"""Any LangChain class as a provider, and sentence transformers, which are one."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from model.errors import MultichainError, ProfileError
from model.profile import Profile
from model.providers import langchain, sentence_transformers
from model.retrieval.local.index import Index
from model.runtime import usage
from model.runtime.event_loop import Engine
from tests.fixtures import EXERCISE
from training.indexing.build import build_index

FAKE = "langchain_core.embeddings:DeterministicFakeEmbedding"
STAGES = """\
index: {chunk_size: 800, overlap: 80, language: english}
stages:
  qa: {kind: retrieval_qa, chat: {provider: offline}}
"""


class Asymmetric(Embeddings):
    """Tells questions from passages."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[3.0, 0.0] for _ in texts]

    def embed_query(self, text: str) -> list[float]:  # noqa: ARG002 - LangChain's signature
        return [0.0, 2.0]


def test_any_embeddings_class(engine: Engine) -> None:
    made = langchain.embeddings(FAKE, {"size": 5})
    with usage.track_usage() as used:
        vectors = engine.run(made.embed(["a", "b", "a"]))
    assert (made.provider, made.model) == ("langchain", "DeterministicFakeEmbedding")
    expected = np.array(DeterministicFakeEmbedding(size=5).embed_documents(["a", "b"]))
    assert vectors[:2] == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-6)
    assert (vectors[0] == vectors[2]).all()
    assert used.usage == usage.Usage(cost_known=False)


def test_a_question_goes_the_way_for_questions(engine: Engine) -> None:
    made = langchain.embeddings(f"{__name__}:Asymmetric")
    assert engine.run(made.embed(["a"])).tolist() == [[1, 0]]
    assert engine.run(made.embed(["a", "b"], question=True)).tolist() == [[0, 1], [0, 1]]


def test_it_retries_in_one_layer_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    made: Any = langchain.embeddings("langchain_openai:OpenAIEmbeddings", {"model": "m"})
    assert (vars(made)["_embeddings"].max_retries, made.model) == (0, "OpenAIEmbeddings:m")


@pytest.mark.parametrize(
    ("path", "settings", "sentence"),
    [
        ("langchain_core.embeddings:Nope", None, "langchain_core.embeddings has no Nope"),
        ("no_such_package:Thing", None, "no_such_package:Thing cannot be imported"),
        ("pathlib:Path", None, "pathlib:Path is not a LangChain embeddings class"),
        (FAKE, {"sise": 5}, "rejects its settings"),
    ],
)
def test_what_is_no_embeddings_class(path: str, settings: Any, sentence: str) -> None:
    with pytest.raises(ProfileError, match=sentence):
        langchain.check("embeddings", {"model": path, "settings": settings})


def test_an_index_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = f'embeddings: {{provider: langchain, model: "{FAKE}", settings: {{size: 8}}}}\n'
    (tmp_path / "mine.yaml").write_text(entry + STAGES, "utf-8")
    profile = Profile.read("mine.yaml")
    made = build_index(profile, [EXERCISE], tmp_path / "index", lambda _done, _total: None)
    assert (made.manifest.dimension, made.manifest.embedding["model"]) == (8, "DeterministicFakeEmbedding")
    assert made.usage.cost_known is False
    pipeline = profile.make_pipeline(profile.make_retriever(Index.open(made.folder)))
    assert pipeline.stages.keys() == {"qa"}


def test_sentence_transformers_name_their_extra_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_transformers, "find_spec", lambda _: None)
    with pytest.raises(ProfileError, match=r"not installed; pip install -e '\.\[sentence-transformers\]'"):
        sentence_transformers.embeddings("any")


def test_the_folder_of_a_model_is_logged_and_a_hubs_name_is_not(tmp_path: Path) -> None:
    assert sentence_transformers.folder({"model": str(tmp_path)}) == tmp_path
    assert sentence_transformers.folder({"model": "sentence-transformers/all-MiniLM-L6-v2"}) is None
    assert sentence_transformers.requires({}) == {"langchain-huggingface", "sentence-transformers", "tenacity"}


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A model of 8 dimensions that was made just now."""
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


def test_a_folder_with_a_sentence_transformer(tiny: Path, engine: Engine) -> None:
    made = sentence_transformers.embeddings(str(tiny))
    vectors = engine.run(made.embed(["langchain is a framework", "langchain is a framework", "what"]))
    assert (made.provider, made.model, vectors.shape) == ("sentence_transformers", "tiny", (3, 8))
    assert vectors[0].tolist() == pytest.approx(vectors[1].tolist())
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0)


def test_a_version_carries_the_folder(tiny: Path, store: Path, tmp_path: Path) -> None:
    import shutil

    import mlflow

    from training.packaging.log_model import log_model

    (tmp_path / "mine.yaml").write_text(
        f'embeddings: {{provider: sentence_transformers, model: "{tiny}"}}\n' + STAGES, "utf-8"
    )
    profile = Profile.read(str(tmp_path / "mine.yaml"))
    built = build_index(profile, [EXERCISE], tmp_path / "index", lambda _done, _total: None)
    uri = log_model(str(tmp_path / "mine.yaml"), built.folder)
    shutil.rmtree(tiny)
    response: Any = mlflow.pyfunc.load_model(uri).predict({"qa": {"question": "What is LangChain?"}})
    assert response["qa"]["answer"].startswith("LangChain is a framework")
    assert "multichain" not in sys.modules


def test_an_error_of_an_sdk_is_one_of_ours(engine: Engine) -> None:
    class APIError(Exception): ...

    class AuthenticationError(APIError):
        status_code = 401

    class Refusing(Asymmetric):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            raise AuthenticationError(f"sk-secret {len(texts)}")

    made = langchain.LangChainEmbeddings("langchain", "x", Refusing(), usage.Usage())
    with pytest.raises(MultichainError, match=r"^langchain:x rejects the key"):
        engine.run(made.embed(["a"]))
