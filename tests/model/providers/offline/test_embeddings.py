"""Embeddings without a pretrained model: hashed n-grams, and the fit of a build."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.interfaces import FittableEmbeddings, Float32Array
from model.providers.offline.embeddings import HashedEmbedder, OfflineEmbeddings
from model.retrieval.local.lsa import LatentSemanticModel

SUBJECTS = ["red fox", "blue whale", "old pump", "tall boiler", "grey cat", "small bird"]
CORPUS = [f"The {subject} {verb}." for subject in SUBJECTS for verb in ("sleeps", "was built", "eats", "runs")]


def embed(embeddings: OfflineEmbeddings, *texts: str, question: bool = False) -> Float32Array:
    return asyncio.run(embeddings.embed(texts, question=question))


def test_embeddings_are_those_of_the_offline_provider() -> None:
    embeddings = OfflineEmbeddings()
    assert (embeddings.provider, embeddings.model, embeddings.semantic) == ("offline", "char_wb-3-5-2048", False)
    assert (embeddings.batch_size, embeddings.batch_window) == (64, 0.0)
    assert isinstance(embeddings, FittableEmbeddings)


@pytest.mark.parametrize(
    ("text", "ngrams"),
    [
        ("ab", 3),  # " ab", "ab ", " ab "
        ("a", 1),  # " a "
        ("abc", 6),  # " ab", "abc", "bc ", " abc", "abc ", " abc "
        ("ab ab", 3),
        ("", 0),
        ("  ", 0),
    ],
)
def test_vector_has_a_place_for_each_ngram_of_3_to_5_letters(text: str, ngrams: int) -> None:
    (vector,) = HashedEmbedder().embed([text])
    assert np.count_nonzero(vector) == ngrams
    assert np.abs(vector[vector != 0]) == pytest.approx(ngrams**-0.5 if ngrams else 0.0)


def test_repeated_ngram_counts_by_its_square_root() -> None:
    (vector,) = HashedEmbedder().embed(["ab ab ab ab xy"])
    assert sorted(np.abs(vector[vector != 0])) == pytest.approx([15**-0.5] * 3 + [2 * 15**-0.5] * 3)


def test_hashed_ngrams_have_either_sign() -> None:
    (vector,) = HashedEmbedder().embed(["the quick brown fox jumps over the lazy dog"])
    assert np.sign(vector[vector != 0]).tolist().count(-1) > 10
    assert np.sign(vector[vector != 0]).tolist().count(1) > 10


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_hashed_vectors_have_norm_1_or_0_and_ignore_case(texts: list[str]) -> None:
    vectors = HashedEmbedder().embed(texts)
    assert (vectors.shape, vectors.dtype, vectors.flags.c_contiguous) == ((len(texts), 2048), np.float32, True)
    lengths = np.linalg.norm(vectors, axis=1)
    assert all(length == pytest.approx(1) or length == 0 for length in lengths)
    assert (HashedEmbedder().embed([text.lower() for text in texts]) == vectors).all()


def test_text_with_a_typing_error_is_nearer_than_another_text() -> None:
    text, misspelt_text, unrelated_text = HashedEmbedder().embed(["photosynthesis", "photosyntesis", "locomotive"])
    assert float(text @ misspelt_text) > 0.5
    assert abs(float(text @ unrelated_text)) < 0.2


def test_question_is_embedded_like_a_passage() -> None:
    embeddings = OfflineEmbeddings()
    assert (embed(embeddings, "a red fox", question=True) == embed(embeddings, "a red fox")).all()


@pytest.mark.parametrize(("texts", "model"), [(23, "char_wb-3-5-2048"), (24, "latent-stems-letters")])
def test_corpus_of_24_texts_is_fitted_and_a_smaller_one_is_hashed(texts: int, model: str, tmp_path: Path) -> None:
    folder = tmp_path / "fit"
    embeddings = OfflineEmbeddings().fit_to(CORPUS[:texts], "english", folder)
    assert embeddings.model == model
    assert folder.exists() == (model == "latent-stems-letters")


def test_fitted_vectors_have_norm_1_and_those_of_foreign_words_0(tmp_path: Path) -> None:
    embeddings = OfflineEmbeddings().fit_to(CORPUS, "english", tmp_path / "fit")
    vectors = embed(embeddings, *CORPUS, "日本", "")
    assert (vectors.shape, vectors.dtype) == ((26, 19), np.float32)  # 0.8 dimensions for each text
    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([1] * 24 + [0, 0], abs=1e-6)


def test_saved_fit_embeds_like_the_fit_of_the_build(tmp_path: Path) -> None:
    embeddings = OfflineEmbeddings().fit_to(CORPUS, "english", tmp_path / "fit")
    opened = OfflineEmbeddings(LatentSemanticModel.open(tmp_path / "fit"))
    assert opened.model == embeddings.model
    assert (embed(opened, "Which fox sleeps?", "pumps") == embed(embeddings, "Which fox sleeps?", "pumps")).all()


def test_fitted_question_is_nearest_to_the_texts_about_its_subject(tmp_path: Path) -> None:
    embeddings = OfflineEmbeddings().fit_to(CORPUS, "english", tmp_path / "fit")
    scores = (embed(embeddings, *CORPUS) @ embed(embeddings, "whales", question=True).T).ravel()
    assert {CORPUS[position].split()[2] for position in np.argsort(-scores)[:4]} == {"whale"}
