"""The latent model: its size, weights and directions, by the files that it saves."""

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.interfaces import Float32Array
from model.retrieval.local import lsa
from model.retrieval.local.lsa import LatentSemanticModel
from model.text_analysis import Analyser, split_into_ngrams

TEXTS = [f"The {'fox' if n % 2 else 'whale'} number {n} eats {n} apples, and sleeps {n % 5} hours." for n in range(40)]


def fit_model(texts: list[str], language: str = "english") -> LatentSemanticModel:
    latent_model = LatentSemanticModel.fit(texts, language)
    assert latent_model is not None
    return latent_model


@pytest.fixture(scope="module")
def latent_model() -> LatentSemanticModel:
    return fit_model(TEXTS)


@pytest.mark.parametrize(("texts", "dimension"), [(24, 19), (25, 20), (159, 127), (160, 128), (162, 128)])
def test_dimension_is_four_fifths_of_the_texts_up_to_128(texts: int, dimension: int) -> None:
    vectors = fit_model([f"word{n} thing{n} number {n}" for n in range(texts)]).embed(["word1", "thing2"])
    assert (vectors.shape, vectors.dtype) == ((2, dimension), np.float32)


def embed_by_definition(text: str, folder: Path) -> Float32Array:
    """Embed a text with loops: (1 + log count) times idf, scaled to length 1, and projected."""
    stems, grams = json.loads((folder / "terms.json").read_text("utf-8"))["terms"]
    columns = {("stem", term): number for number, term in enumerate(stems)}
    columns |= {("gram", term): len(stems) + number for number, term in enumerate(grams)}
    with np.load(folder / "latent.npz") as arrays:
        idf, components = arrays["idf"], arrays["components"] * arrays["scales"]
    terms = Counter(("stem", stem) for stem in Analyser("english").stems(text))
    terms.update(("gram", gram) for gram in split_into_ngrams(text))
    row = np.zeros(len(idf))
    for term, count in terms.items():
        if term in columns:
            row[columns[term]] = (1 + math.log(count)) * idf[columns[term]]
    return np.asarray(components @ (row / (np.linalg.norm(row) or 1.0)), dtype=np.float32)


@pytest.mark.parametrize("text", [TEXTS[3], "fox", "A fox, a fox and a whale eat apples", "foxes zebra", "quartz"])
def test_vector_follows_the_definition(text: str, latent_model: LatentSemanticModel, tmp_path: Path) -> None:
    latent_model.save(tmp_path / "fit")
    assert latent_model.embed([text])[0] == pytest.approx(embed_by_definition(text, tmp_path / "fit"), abs=1e-5)


def test_rarer_terms_weigh_more_and_directions_are_orthonormal(
    latent_model: LatentSemanticModel, tmp_path: Path
) -> None:
    latent_model.save(tmp_path / "fit")
    stems = json.loads((tmp_path / "fit" / "terms.json").read_text("utf-8"))["terms"][0]
    with np.load(tmp_path / "fit" / "latent.npz") as arrays:
        idf, components = arrays["idf"], arrays["components"] * arrays["scales"]
        assert (arrays["components"].dtype, np.abs(arrays["components"]).max()) == (np.int8, 127)
    assert idf[stems.index("appl")] == pytest.approx(math.log(41 / 41) + 1)
    assert idf[stems.index("fox")] == pytest.approx(math.log(41 / 21) + 1)
    assert idf[stems.index("39")] == pytest.approx(math.log(41 / 2) + 1)
    assert components @ components.T == pytest.approx(np.eye(32), abs=0.01)  # of components in 127 steps


def test_unknown_words_change_no_vector(latent_model: LatentSemanticModel) -> None:
    plain, extended = latent_model.embed(["fox", "fox zyzzyva"])
    assert extended.tolist() == plain.tolist()
    assert latent_model.embed(["zyzzyva", ""]).tolist() == [[0.0] * 32] * 2


def test_no_texts_have_no_vectors(latent_model: LatentSemanticModel) -> None:
    assert latent_model.embed([]).shape == (0, 32)


def test_equal_texts_are_fitted_equally(latent_model: LatentSemanticModel) -> None:
    assert np.array_equal(fit_model(TEXTS).embed(TEXTS), latent_model.embed(TEXTS))


@given(st.lists(st.sampled_from(["fox", "whale", "eats", "7", "apples", "zebra"]), max_size=8))
def test_vector_is_at_most_1_long(latent_model: LatentSemanticModel, words: list[str]) -> None:
    assert np.linalg.norm(latent_model.embed([" ".join(words)])[0]) <= 1 + 1e-5


@pytest.mark.parametrize(("texts", "odd_are_fitted"), [(29, True), (30, True), (31, False), (60, False), (61, True)])
def test_of_many_texts_every_nth_is_fitted(texts: int, odd_are_fitted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With at most 30 fitted texts, each one, each second or each third is fitted."""
    monkeypatch.setattr(lsa, "_MAX_FITTED_TEXTS", 30)
    latent_model = fit_model([f"whale {'qxz'[n % 3] * (n + 1)}" if n % 2 else f"fox {n}{n}" for n in range(texts)])
    fox, whale = np.linalg.norm(latent_model.embed(["fox", "whale"]), axis=1)
    assert fox > 0.3
    assert bool(whale > 0.1) == odd_are_fitted


def test_most_frequent_terms_are_fitted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lsa, "_MAX_TERMS", 5)
    texts = [f"{'fox' if n % 2 else 'whale'} {n}{n}" for n in range(24)]
    fit_model(texts).save(tmp_path / "fit")
    contents = json.loads((tmp_path / "fit" / "terms.json").read_text("utf-8"))
    assert contents["terms"] == [["whale", "fox"], [" wha", "whal", "hale"]]
    assert fit_model(texts).embed(["1111"]).tolist() == [[0.0] * 5]


def test_language_of_the_stems_is_saved(tmp_path: Path) -> None:
    texts = [f"Die {'Häuser' if n % 2 else 'Katzen'} sind {n} Jahre alt." for n in range(24)]
    german_model = fit_model(texts, "german")
    german_model.save(tmp_path / "new" / "fit")
    contents = json.loads((tmp_path / "new" / "fit" / "terms.json").read_text("utf-8"))
    assert contents["language"] == "german"
    assert contents["terms"][0][:5] == ["katz", "0", "jahr", "alt", "haus"]
    opened = LatentSemanticModel.open(tmp_path / "new" / "fit")
    for text in ("Häusern", "Katze"):
        assert opened.embed([text]).tolist() == german_model.embed([text]).tolist()
    with pytest.raises(FileExistsError):
        german_model.save(tmp_path / "new" / "fit")
