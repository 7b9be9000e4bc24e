"""Measure indexing and searching at 10,000 chunks of generated text, and opening 300,000 vectors."""

import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from model.passages import Chunk
from model.profile import Profile
from model.retrieval.local.index import Index
from model.retrieval.local.manifest import compute_checksum
from model.retrieval.local.vector_index import FaissIndex
from model.text_analysis import split_sentences
from training.indexing import index_writer
from training.indexing.index_writer import IndexContent

ROOT = Path(__file__).parent.parent
CHUNKS, BATCH, ROUNDS = 10_000, 64, 8
VECTORS, DIMENSION = 300_000, 384


def measure_retrieval() -> None:
    """Print the times of indexing, searching and opening."""
    with tempfile.TemporaryDirectory() as folder:
        _measure_corpus(Path(folder))
        _measure_opening(Path(folder) / "vectors.faiss")


def _measure_corpus(folder: Path) -> None:
    chunks, questions = _make_corpus()
    started = time.perf_counter()
    content = IndexContent(
        chunks, {chunk.source: "" for chunk in chunks}, {"chunk_size": 1200, "overlap": 120}, "english"
    )
    index_writer.write_index_folder(content, Profile.read("offline"), folder / "index", lambda _done, _total: None)
    seconds = time.perf_counter() - started
    length = statistics.mean(len(chunk.text) for chunk in chunks)
    print(f"\nindexing          {CHUNKS:,} chunks of {length:.0f} characters: {CHUNKS / seconds:,.0f} a second")
    started = time.perf_counter()
    index = Index.open(folder / "index")
    print(f"opening           {time.perf_counter() - started:.2f} s, with the checksums of all its files")
    _measure_searching(index, questions)


def _measure_searching(index: Index, questions: list[str]) -> None:
    """Print the time of whole searches in batches, beside that of FAISS alone for the same vectors."""
    retriever = Profile.read("offline").make_retriever(index)
    vectors = asyncio.run(Profile.read("offline").make_embedder(index=index).embed(questions))

    async def search(batch: list[str]) -> None:
        await asyncio.gather(*(retriever.search(question, 4) for question in batch))

    search_seconds, faiss_seconds = [], []
    for start in range(0, len(questions), BATCH):
        started = time.perf_counter()
        asyncio.run(search(questions[start : start + BATCH]))
        searched_at = time.perf_counter()
        index.vectors.search(vectors[start : start + BATCH], 200)
        search_seconds.append((searched_at - started) / BATCH)
        faiss_seconds.append((time.perf_counter() - searched_at) / BATCH)
    search_ms, faiss_ms = statistics.median(search_seconds) * 1000, statistics.median(faiss_seconds) * 1000
    print(
        f"searching         {search_ms:.2f} ms a question in batches of {BATCH}, FAISS alone {faiss_ms:.2f} ms: "
        f"{search_ms - faiss_ms:.2f} ms beyond it"
    )


def _make_corpus() -> tuple[list[Chunk], list[str]]:
    """Return chunks and questions of generated text.

    A text is five of this project's own sentences, in which three words of ten are exchanged for others. A question is
    nine words of a text.
    """
    chance = random.Random(0)
    files = sorted((ROOT / "documents").rglob("*.md")) + sorted((ROOT / "docs").glob("*.md"))
    sentences = [sentence.text for file in files for sentence in split_sentences(file.read_text("utf-8"))]
    words = sorted({word for sentence in sentences for word in sentence.split()})

    def make_text() -> str:
        chosen_sentences = (chance.choice(sentences).split() for _ in range(5))
        return " ".join(
            chance.choice(words) if chance.random() < 0.3 else word
            for sentence in chosen_sentences
            for word in sentence
        )

    texts = [make_text() for _ in range(CHUNKS)]
    questions = [" ".join(chance.sample(chance.choice(texts).split(), 9)) for _ in range(BATCH * ROUNDS)]
    return [Chunk(f"{n}.txt", "", "", 0, 0, len(text), text) for n, text in enumerate(texts)], questions


def _measure_opening(file: Path) -> None:
    chance = np.random.default_rng(0)
    vectors = chance.standard_normal((VECTORS // 100, DIMENSION)).astype(np.float32).repeat(100, axis=0)
    for start in range(0, VECTORS, 10_000):
        vectors[start : start + 10_000] += 0.8 * chance.standard_normal((10_000, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    started = time.perf_counter()
    index = FaissIndex.build(vectors)
    build_seconds = time.perf_counter() - started
    index.save(file)
    started = time.perf_counter()
    mapped_index = FaissIndex.open(file, index.search_params)
    mapped_at = time.perf_counter()
    compute_checksum(file)
    checked_at = time.perf_counter()
    mapped_index.search(vectors[:1], 10)
    print(
        f"{VECTORS:,} vectors of {DIMENSION}: {index.kind} in {build_seconds:.0f} s, recall {index.recall}; opened in "
        f"{mapped_at - started:.3f} s, its checksum {checked_at - mapped_at:.2f} s, first search "
        f"{(time.perf_counter() - checked_at) * 1000:.1f} ms"
    )


if __name__ == "__main__":
    measure_retrieval()
