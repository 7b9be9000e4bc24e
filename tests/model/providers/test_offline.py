"""The offline provider: what it gives, and what it does not import."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from model.errors import InvalidRequestError
from model.providers.offline import OfflineDiagramGenerator, OfflineEmbeddings
from model.runtime import usage


def test_embeddings_have_norm_1_and_their_order() -> None:
    vectors = asyncio.run(OfflineEmbeddings().embed(["a red fox", "a blue whale", ""]))
    assert (vectors.shape, vectors.dtype) == ((3, 2048), np.float32)
    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([1, 1, 0])


def test_embeddings_are_the_same_alone_and_together() -> None:
    embeddings = OfflineEmbeddings()
    texts = ["a red fox", "a blue whale", "a red fox"]
    together = asyncio.run(embeddings.embed(texts))
    assert [asyncio.run(embeddings.embed([text]))[0].tolist() for text in texts] == together.tolist()


def test_like_texts_are_near() -> None:
    fox, again, whale = asyncio.run(
        OfflineEmbeddings().embed(["the quick red fox", "teh quick red foxes", "a blue whale"])
    )
    assert float(fox @ again) > 0.6
    assert float(fox @ whale) < 0.1


def test_a_picture_says_what_drew_it() -> None:
    with usage.track_usage() as used:
        picture = asyncio.run(
            OfflineDiagramGenerator().draw("A fox with a tail", [], style="", size="512x512", sample=1)
        )
    image = Image.open(io.BytesIO(picture.content))
    assert (image.size, image.format, picture.mime_type) == ((512, 512), "PNG", "image/png")
    assert picture.alt_text == "Diagram of A fox with a tail: Fox with Tail."
    assert (picture.answered_by, picture.origin) == ("offline:diagram", "algorithmicMedia")
    assert used.usage == usage.Usage(images=1)


@pytest.mark.parametrize("size", ["big", "10x10", "9999x100", "512", "512x"])
def test_a_size_that_is_none(size: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^size: expected WIDTHxHEIGHT, each from 256 to 3840"):
        asyncio.run(OfflineDiagramGenerator().draw("A fox", [], style="", size=size, sample=1))
