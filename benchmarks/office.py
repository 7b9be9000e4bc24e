"""Ask 100 questions over an office's files of all kinds: ``make office``.

Prints for each kind of question how often the passages that answer are among the first four, and how often the answer
of the offline profile is right; then the same by the number of passages that a question needs, and for thirty further
questions without an answer. The files and the hundred questions were written before the code that answers them.
"""

import asyncio
import json
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.office_files import write_binary_files
from model.passages import Passage
from model.profile import Profile
from model.providers.offline.extractive_qa import ABSTAIN_BELOW, ExtractiveAnswerer
from model.retrieval.local.index import Index
from model.retrieval.retriever import Retriever
from model.stages.retrieval_qa import RetrievalQA
from training.indexing.build import build_index

FOLDER = Path(__file__).parent
K = 4
_MAX_ANSWER = 400


def build_office_index(folder: Path) -> Index:
    """Write all files below ``folder``, and return the index of them."""
    shutil.copytree(FOLDER / "office", folder / "office")
    write_binary_files(folder / "office")
    built = build_index(Profile.read("offline"), [folder / "office"], folder / "index", lambda _done, _total: None)
    for skipped in built.load_result.skipped:
        print(f"skipped {skipped.location}: {skipped.reason}")
    return Index.open(built.folder)


def is_found(question: dict[str, Any], passages: list[Passage]) -> bool:
    """Return whether each place that the question needs is among the passages."""
    sources, patterns = question["source"], question["must"]
    if isinstance(sources, str):
        expectations = [({sources, *question.get("also", ())}, patterns)]
    else:
        expectations = [({source}, [pattern]) for source, pattern in zip(sources, patterns, strict=True)]
    return all(
        any(_places(passage) & names and _holds(passage, expected) for passage in passages)
        for names, expected in expectations
    )


def is_right(question: dict[str, Any], answer: str, *, abstained: bool) -> bool:
    """Return whether an answer has all that the question asks for, or abstains where it must."""
    if question.get("abstain"):
        return abstained
    return not abstained and len(answer) <= _MAX_ANSWER and all(re.search(p, answer) for p in question["must"])


def _places(passage: Passage) -> set[str]:
    return {passage.chunk.source, *(copy.source for copy in passage.chunk.copies)}


def _holds(passage: Passage, patterns: list[str]) -> bool:
    text = f"{passage.chunk.title}\n{passage.chunk.heading}\n{passage.chunk.text}"
    return all(re.search(pattern, text) for pattern in patterns)


async def _ask(question: dict[str, Any], retriever: Retriever, answerer: ExtractiveAnswerer) -> tuple[bool, bool, str]:
    text = question["question"]
    if question.get("history"):
        from model.interfaces import ConversationTurn

        turns = [ConversationTurn(turn["question"], turn["answer"]) for turn in question["history"]]
        text = await answerer.complete_question(text, turns)
    passages = await RetrievalQA(retriever, answerer)._search(text, K, None)  # noqa: SLF001 - what the stage searches
    reply = await answerer.answer(text, passages, lambda _kind, _text: None)
    is_listed = question.get("abstain", False) or is_found(question, passages)
    return is_listed, is_right(question, reply.text, abstained=reply.abstained), reply.text


def main() -> None:
    """Print the table; with -v, each question that is wrong."""
    names = ["office_questions.jsonl", "office_unanswerable.jsonl"]
    lines = [line for name in names for line in (FOLDER / name).read_text("utf-8").splitlines()]
    questions = [json.loads(line) for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        index = build_office_index(Path(folder))
        retriever = Profile.read("offline").make_retriever(index)
        answerer = ExtractiveAnswerer(index.lexical, abstain_below=ABSTAIN_BELOW)
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for question in questions:
            is_listed, is_correct, answer = asyncio.run(_ask(question, retriever, answerer))
            needed = len(question["source"]) if isinstance(question.get("source"), list) else 1
            groups = () if question["kind"] == "unanswerable" else ("all",)
            groups += () if question.get("abstain") else (f"needs {needed}",)
            for kind in (question["kind"], *groups):
                counts[kind] = [
                    total + part for total, part in zip(counts[kind], (1, is_listed, is_correct), strict=True)
                ]
            if "-v" in sys.argv and not (is_listed and is_correct):
                state = "right" if is_correct else "WRONG"
                print(f"{'found' if is_listed else 'LOST '} {state} {question['question']} | {answer[:160]}")
    print(f"{'kind':12} questions  in the first {K}  right")
    for kind, (total, listed, correct) in counts.items():
        print(f"{kind:12} {total:9} {listed:15} {correct:6}")


if __name__ == "__main__":
    main()
