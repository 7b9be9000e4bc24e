"""What indexing and searching cost at 10,000 chunks of made text, and what opening 300,000 vectors does."""

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


def measure() -> None:
    """Prints what indexing, searching and opening take."""
    with tempfile.TemporaryDirectory() as folder:
        _corpus(Path(folder))
        _opened(Path(folder) / "vectors.faiss")


def _corpus(folder: Path) -> None:
    chunks, questions = _made()
    started = time.perf_counter()
    content = IndexContent(
        chunks, {chunk.source: "" for chunk in chunks}, {"chunk_size": 1200, "overlap": 120}, "english"
    )
    index_writer.write_index_folder(content, Profile.read("offline"), folder / "index", lambda _done, _total: None)
    taken = time.perf_counter() - started
    length = statistics.mean(len(chunk.text) for chunk in chunks)
    print(f"\nindexing          {CHUNKS:,} chunks of {length:.0f} characters: {CHUNKS / taken:,.0f} a second")
    started = time.perf_counter()
    index = Index.open(folder / "index")
    print(f"opening           {time.perf_counter() - started:.2f} s, checksums of all its files with it")
    _searched(index, questions)


def _searched(index: Index, questions: list[str]) -> None:
    """Whole searches in batches, against the search of their vectors in FAISS alone."""
    retriever = Profile.read("offline").make_retriever(index)
    vectors = asyncio.run(Profile.read("offline").make_embedder(index=index).embed(questions))

    async def batch(some: list[str]) -> None:
        await asyncio.gather(*(retriever.search(question, 4) for question in some))

    whole, faiss_alone = [], []
    for start in range(0, len(questions), BATCH):
        started = time.perf_counter()
        asyncio.run(batch(questions[start : start + BATCH]))
        between = time.perf_counter()
        index.vectors.search(vectors[start : start + BATCH], 200)
        whole.append((between - started) / BATCH)
        faiss_alone.append((time.perf_counter() - between) / BATCH)
    ours, theirs = statistics.median(whole) * 1000, statistics.median(faiss_alone) * 1000
    print(
        f"searching         {ours:.2f} ms a question in batches of {BATCH}, FAISS alone {theirs:.2f} ms: "
        f"{ours - theirs:.2f} ms beyond it"
    )


def _made() -> tuple[list[Chunk], list[str]]:
    """Texts of five of this project's own sentences, three words of ten exchanged; and questions of their words."""
    chance = random.Random(0)
    files = sorted((ROOT / "documents").rglob("*.md")) + sorted((ROOT / "docs").glob("*.md"))
    said = [one.text for file in files for one in split_sentences(file.read_text("utf-8"))]
    words = sorted({word for sentence in said for word in sentence.split()})

    def text() -> str:
        told = (chance.choice(said).split() for _ in range(5))
        return " ".join(chance.choice(words) if chance.random() < 0.3 else word for one in told for word in one)

    texts = [text() for _ in range(CHUNKS)]
    questions = [" ".join(chance.sample(chance.choice(texts).split(), 9)) for _ in range(BATCH * ROUNDS)]
    return [Chunk(f"{n}.txt", "", "", 0, 0, len(one), one) for n, one in enumerate(texts)], questions


def _opened(file: Path) -> None:
    chance = np.random.default_rng(0)
    made = chance.standard_normal((VECTORS // 100, DIMENSION)).astype(np.float32).repeat(100, axis=0)
    for start in range(0, VECTORS, 10_000):
        made[start : start + 10_000] += 0.8 * chance.standard_normal((10_000, DIMENSION)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    started = time.perf_counter()
    built = FaissIndex.build(made)
    taken = time.perf_counter() - started
    built.save(file)
    started = time.perf_counter()
    opened = FaissIndex.open(file, built.search_params)
    mapped = time.perf_counter()
    compute_checksum(file)
    checked = time.perf_counter()
    opened.search(made[:1], 10)
    print(
        f"{VECTORS:,} vectors of {DIMENSION}: {built.kind} in {taken:.0f} s, recall {built.recall}; opened in "
        f"{mapped - started:.3f} s, its checksum {checked - mapped:.2f} s, first search "
        f"{(time.perf_counter() - checked) * 1000:.1f} ms"
    )


if __name__ == "__main__":
    measure()
