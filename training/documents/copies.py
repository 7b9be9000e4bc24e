"""Find passages that stand in several places: equal ones are kept once, nearly equal ones become a group.

Two passages are nearly equal when 90 % of their word triples are the same, and all numbers and identifiers: price lists
of two years have nearly the same words and are not copies. Candidates are found by MinHash (Broder, 1997), so that the
time grows with the number of passages alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from model.passages import Chunk, ChunkCopy
from model.text_analysis import split_words

_SHINGLE_WORDS = 3
_MIN_WORDS = 12
"""Words of a passage that can be nearly equal to another; shorter ones have too few triples."""
_MIN_SIMILARITY = 0.9
_BANDS, _ROWS = 6, 4
"""Hashes of a passage: pairs with 90 % of their triples in common share one of the bands in 99.8 % of all cases."""
_PRIME = (1 << 31) - 1


class _Fingerprint(NamedTuple):
    """What two nearly equal passages share: the hashes of word triples, and the words with digits."""

    shingles: frozenset[int]
    numbers: tuple[str, ...]


def merge_copies(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Return the chunks, of those with equal text, headings and tags the first, which names the places of the others.

    Args:
        chunks: Chunks of any documents.
    """
    first_chunks: dict[tuple[str, str, tuple[str, ...]], Chunk] = {}
    copies: dict[tuple[str, str, tuple[str, ...]], list[ChunkCopy]] = {}
    for chunk in chunks:
        key = (chunk.text, chunk.heading, chunk.tags)
        first = first_chunks.setdefault(key, chunk)
        known_sources = {first.source, *(copy.source for copy in copies.get(key, ()))}
        if chunk.source not in known_sources:
            copies.setdefault(key, []).append(ChunkCopy(chunk.source, chunk.title, chunk.page, chunk.start, chunk.end))
    return [
        replace(chunk, copies=tuple(copies[key])) if key in copies else chunk for key, chunk in first_chunks.items()
    ]


def group_similar(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return the chunks, each group of nearly equal ones with a number from 1.

    Args:
        chunks: Chunks with different texts.
    """
    fingerprints = [_make_fingerprint(chunk.text) for chunk in chunks]
    groups = list(range(len(chunks)))
    for positions in _find_candidates(fingerprints):
        first, *others = positions
        for position in others:
            if groups[position] != groups[first] and _is_similar(fingerprints[first], fingerprints[position]):
                groups[position] = groups[first]
    sizes = np.bincount(groups, minlength=len(chunks)) if groups else np.zeros(0)
    numbers = {group: number for number, group in enumerate(np.flatnonzero(sizes > 1).tolist(), 1)}
    return [
        replace(chunk, group=numbers[group]) if group in numbers else chunk
        for chunk, group in zip(chunks, groups, strict=True)
    ]


def count_similar(chunks: Iterable[Chunk]) -> int:
    """Return how many of grouped chunks are not the first of their group."""
    groups = [chunk.group for chunk in chunks if chunk.group]
    return len(groups) - len(set(groups))


def _make_fingerprint(text: str) -> _Fingerprint:
    words = split_words(text)
    if len(words) < _MIN_WORDS:
        return _Fingerprint(frozenset(), ())
    triples = zip(*(words[start:] for start in range(_SHINGLE_WORDS)), strict=False)
    numbers = sorted(word for word in words if any(character.isdigit() for character in word))
    return _Fingerprint(frozenset(_hash(" ".join(triple)) for triple in triples), tuple(numbers))


def _hash(text: str) -> int:
    """Return a number of 31 bits that is the same in every process."""
    return crc32(text.encode("utf-8", "surrogatepass")) % _PRIME


def _find_candidates(fingerprints: Sequence[_Fingerprint]) -> Iterable[list[int]]:
    """Return the positions of passages that share a band and all numbers, in order."""
    random = np.random.default_rng(0)
    factors = random.integers(1, _PRIME, _BANDS * _ROWS, dtype=np.uint64)
    offsets = random.integers(0, _PRIME, _BANDS * _ROWS, dtype=np.uint64)
    buckets: dict[tuple[object, ...], list[int]] = {}
    for position, fingerprint in enumerate(fingerprints):
        if fingerprint.shingles:
            smallest = _smallest_hashes(fingerprint, factors, offsets)
            for band in range(_BANDS):
                key = (band, *smallest[band * _ROWS : (band + 1) * _ROWS].tolist(), fingerprint.numbers)
                buckets.setdefault(key, []).append(position)
    return [positions for positions in buckets.values() if len(positions) > 1]


def _smallest_hashes(
    fingerprint: _Fingerprint, factors: npt.NDArray[np.uint64], offsets: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    shingles = np.fromiter(fingerprint.shingles, dtype=np.uint64, count=len(fingerprint.shingles))
    return np.asarray(((shingles[:, np.newaxis] * factors + offsets) % np.uint64(_PRIME)).min(axis=0))


def _is_similar(first: _Fingerprint, second: _Fingerprint) -> bool:
    shared = len(first.shingles & second.shingles)
    return shared >= _MIN_SIMILARITY * len(first.shingles | second.shingles)
