"""Offline provider: embeddings and diagrams."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from model.errors import InvalidRequestError
from model.providers.offline.diagrams import OfflineDiagramGenerator
from model.providers.offline.embeddings import OfflineEmbeddings
from model.runtime import usage


def test_embeddings_have_norm_1_except_for_empty_text() -> None:
    vectors = asyncio.run(OfflineEmbeddings().embed(["a red fox", "a blue whale", ""]))
    assert (vectors.shape, vectors.dtype) == ((3, 2048), np.float32)
    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([1, 1, 0])


def test_embedding_of_a_text_is_equal_alone_and_in_a_batch() -> None:
    embeddings = OfflineEmbeddings()
    texts = ["a red fox", "a blue whale", "a red fox"]
    batch_vectors = asyncio.run(embeddings.embed(texts))
    assert [asyncio.run(embeddings.embed([text]))[0].tolist() for text in texts] == batch_vectors.tolist()


def test_embeddings_of_similar_texts_are_near() -> None:
    fox, similar_fox, whale = asyncio.run(
        OfflineEmbeddings().embed(["the quick red fox", "teh quick red foxes", "a blue whale"])
    )
    assert float(fox @ similar_fox) > 0.6
    assert float(fox @ whale) < 0.1


def test_diagram_has_size_alt_text_origin_and_usage() -> None:
    with usage.track_usage() as account:
        picture = asyncio.run(
            OfflineDiagramGenerator().draw("A fox with a tail", [], style="", size="512x512", sample=1)
        )
    image = Image.open(io.BytesIO(picture.content))
    assert (image.size, image.format, picture.mime_type) == ((512, 512), "PNG", "image/png")
    assert picture.alt_text == (
        "Diagram of A fox with a tail: Fox with Tail. It shows the words of the prompt and is not from the documents."
    )
    assert (picture.answered_by, picture.origin) == ("offline:diagram", "algorithmicMedia")
    assert account.usage == usage.Usage(images=1)


@pytest.mark.parametrize("size", ["big", "10x10", "9999x100", "512", "512x"])
def test_invalid_image_size_is_rejected(size: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^size: expected WIDTHxHEIGHT, each from 256 to 3840"):
        asyncio.run(OfflineDiagramGenerator().draw("A fox", [], style="", size=size, sample=1))
