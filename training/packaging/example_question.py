"""Make questions that an index can answer: the example that a version is verified with, and those a page offers."""

import numpy as np

from model.excerpts import split_excerpts
from model.passages import Chunk
from model.retrieval.local.index import Index
from model.text_analysis import is_content_word, split_words

EXAMPLE_STAGE, EXAMPLE_FIELD = "qa", "question"
_EXAMINED_CHUNKS = 200
_MIN_COVERAGE = 0.99
_SUBJECT_WORDS = 5
"""Content words that a question takes from a sentence."""
FIRST_QUESTIONS = 3
"""Number of questions that a page offers to begin with."""
_MIN_HEADING_WORDS, _MAX_HEADING_WORDS = 2, 8


def choose_question(index: Index, usual_question: str) -> str:
    """Return the usual example's question where the documents contain all its words, else one made from a passage.

    Args:
        index: The version's index.
        usual_question: The question that the contract declares as its example.

    Returns:
        A question in the words of one passage: one that a document itself asks and answers, else one about the words of
        a sentence.
    """
    if _is_covered(index, usual_question):
        return usual_question
    chunks = _examined_chunks(index)
    questions = [question for chunk in chunks for question in _list_asked(chunk)] or [
        question for chunk in chunks for question in _list_made(chunk)
    ]
    return max(questions, key=lambda question: len(set(index.lexical.stems(question))), default=usual_question)


def choose_first_questions(index: Index, usual_question: str) -> list[str]:
    """Return questions that a page may offer to begin with, each from another document.

    Args:
        index: The version's index.
        usual_question: The question that the contract declares as its example.

    Returns:
        At most FIRST_QUESTIONS questions: the usual one where the documents contain all its words, questions that the
        documents themselves ask and answer, and headings.
    """
    chunks = _examined_chunks(index)
    by_source = [(chunk.source, question) for chunk in chunks for question in _list_asked(chunk)]
    by_source += [(chunk.source, f"{heading}?") for chunk in chunks if (heading := _last_heading(chunk))]
    chosen = {"": usual_question} if _is_covered(index, usual_question) else {}
    for source, question in by_source:
        if len(chosen) < FIRST_QUESTIONS and question not in chosen.values():
            chosen.setdefault(source, question)
    return list(chosen.values())


def _is_covered(index: Index, question: str) -> bool:
    shares = index.lexical.coverage(question, np.arange(len(index.chunks)))
    return float(shares.max(initial=0.0)) >= _MIN_COVERAGE


def _examined_chunks(index: Index) -> list[Chunk]:
    step = max(1, len(index.chunks) // _EXAMINED_CHUNKS)
    return [index.chunks[position] for position in range(0, len(index.chunks), step)]


def _last_heading(chunk: Chunk) -> str:
    """Return the chunk's own heading where it can be asked about: a few words, no number and no question."""
    heading = chunk.heading.rpartition(" > ")[2].strip()
    words = heading.split()
    fits = _MIN_HEADING_WORDS <= len(words) <= _MAX_HEADING_WORDS and heading[0].isalpha() and heading[-1].isalnum()
    return heading if fits else ""


def _list_asked(chunk: Chunk) -> list[str]:
    """Return the questions that a chunk asks and answers: in its text, or as the heading above it."""
    heading = chunk.heading.rpartition(" > ")[2]
    own_questions = [
        excerpt.context for excerpt in split_excerpts(chunk) if excerpt.kind == "question" and excerpt.context
    ]
    return [*own_questions, heading] if heading.endswith("?") else own_questions


def _list_made(chunk: Chunk) -> list[str]:
    """Return the first content words of each excerpt of a chunk, as a question in any language."""
    questions = []
    for excerpt in split_excerpts(chunk):
        words = [word for word in split_words(excerpt.text) if word.isalpha() and is_content_word(word, chunk.language)]
        subject = list(dict.fromkeys(words))[:_SUBJECT_WORDS]
        if len(subject) == _SUBJECT_WORDS:
            questions.append(f"{' '.join(subject).capitalize()}?")
    return questions
