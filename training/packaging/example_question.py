"""Make a question that an index can answer, for the example that a version is verified with."""

from model.excerpts import split_excerpts
from model.passages import Chunk
from model.retrieval.local.index import Index
from model.text_analysis import is_content_word, split_words

EXAMPLE_STAGE, EXAMPLE_FIELD = "qa", "question"
_EXAMINED_CHUNKS = 200
_MIN_COVERAGE = 0.99
_SUBJECT_WORDS = 5
"""Content words that a question takes from a sentence."""


def choose_question(index: Index, usual_question: str) -> str:
    """Return the usual example's question where the documents contain all its words, else one made from a passage.

    Args:
        index: The version's index.
        usual_question: The question that the contract declares as its example.

    Returns:
        A question in the words of one passage: one that a document itself asks and answers, else one about the words of
        a sentence.
    """
    if float(index.lexical.coverage(usual_question).max(initial=0.0)) >= _MIN_COVERAGE:
        return usual_question
    step = max(1, len(index.chunks) // _EXAMINED_CHUNKS)
    chunks = [index.chunks[position] for position in range(0, len(index.chunks), step)]
    questions = [question for chunk in chunks for question in _list_asked(chunk)] or [
        question for chunk in chunks for question in _list_made(chunk)
    ]
    return max(questions, key=lambda question: len(set(index.lexical.stems(question))), default=usual_question)


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
