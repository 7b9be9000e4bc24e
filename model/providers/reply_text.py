"""Read the text of a chat model's reply: without thoughts, template tokens and echoed passages, whole or as it streams.

Servers that apply no reasoning parser or a wrong chat template leave these in the reply. Thoughts are what
DeepSeek-R1, Qwen and their kin write between ``<think>`` and ``</think>``; some templates write the first of the two
into the prompt, so that the reply begins inside a thought.
"""

import re

from .prompting import remove_citations

_THOUGHT_NAMES = r"(?:think|thinking|thought|reasoning|reflection)"
_THOUGHT = re.compile(rf"<{_THOUGHT_NAMES}>.*?(?:</{_THOUGHT_NAMES}>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(rf"</{_THOUGHT_NAMES}>", re.IGNORECASE)
_THOUGHT_START = re.compile(rf"<{_THOUGHT_NAMES}>", re.IGNORECASE)
_FINAL_CHANNEL = re.compile(r"<\|channel\|>final(?:<\|message\|>)?")
"""What stands before the answer of a model that writes its thoughts into a channel of their own (OpenAI's Harmony)."""
_TURN_END = re.compile(
    r"<\|(?:im_end|eot_id|end_of_text|endoftext|end|return)\|>|<end_of_turn>|</s>|<\|im_start\|>user"
)
"""A token after which a model writes the next turn of a conversation that nobody has."""
_TURN_START = re.compile(
    r"\A\s*(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>)?\s*(?:assistant|model)\s*(?=<\||\n)"
)
_HEADERS = ("<|im_start|>", "<|start_header_id|>", "<start_of_turn>")
_TOKEN = re.compile(
    r"<\|[a-z_]{2,40}\|>(?:(?:assistant|user|system)\b)?|<(?:start|end)_of_turn>(?:model|user)?|</?s>|\[/?INST\]|<</?SYS>>"
)
_ECHOED_PASSAGE = re.compile(r'<passage n="\d+">.*?</passage>', re.DOTALL)
_FENCE = re.compile(r'</?passage(?: n="\d+")?>')
_WORD = re.compile(r"\w")
_LONGEST_MARK = 40
"""Characters of the longest mark; as many are held back while a reply streams."""


def clean_reply(text: str) -> str:
    """Return what a reply says: without thoughts, template tokens and echoed passages."""
    text = _FINAL_CHANNEL.split(text)[-1]
    text = _THOUGHT.sub("", text)
    text = _THOUGHT_END.split(text)[-1]
    text = _TURN_START.sub("", text)
    spoken = next((part for part in _TURN_END.split(text) if _TOKEN.sub("", part).strip()), "")
    spoken = _FENCE.sub("", _ECHOED_PASSAGE.sub("", _TOKEN.sub("", spoken)))
    return spoken.strip()


def starts_in_thought(text: str) -> bool:
    """Return whether a whole reply begins inside a thought, whose first mark stood in the prompt's template."""
    end = _THOUGHT_END.search(text)
    return end is not None and not _THOUGHT_START.search(text[: end.start()])


def find_defect(text: str, opening: str) -> str:
    """Return why a cleaned reply is no answer; empty for an answer.

    Args:
        text: What ``clean_reply`` gave.
        opening: The sentence with which the prompt begins, by which an echo is recognised; empty for a prompt that
            asks for no answer to a question.
    """
    if not text:
        return "it wrote nothing"
    if opening and not _WORD.search(remove_citations(text)):
        return "it cited passages and said nothing"
    if opening and " ".join(opening.split()) in " ".join(text.split()):
        return "it repeated the prompt"
    return ""


class ReplyFilter:
    """Passes on what a streamed reply says as it comes, and holds back thoughts, tokens and the beginnings of marks.

    Args:
        starts_in_thought: Whether the replies of the model begin inside a thought.
    """

    def __init__(self, *, starts_in_thought: bool = False) -> None:
        self._text, self._passed, self._starts_in_thought = "", 0, starts_in_thought

    def feed(self, piece: str) -> str:
        """Return what can be passed on after a further piece of the reply: nothing before the first printable text."""
        self._text += piece
        if self._is_inside_mark():
            return ""
        return self._pass_on(self._text[: self._find_safe_end()])

    def finish(self) -> str:
        """Return the rest, once the reply is complete."""
        return self._pass_on(self._text)

    @property
    def text(self) -> str:
        """The reply as the model wrote it."""
        return self._text

    def _is_inside_mark(self) -> bool:
        """Return whether the reply is still inside a thought, a channel of thoughts, a header or an echoed passage."""
        start = self._text.lstrip()
        is_unmarked_thought = self._starts_in_thought and not _THOUGHT_END.search(start)
        is_thought = bool(_THOUGHT_START.search(start)) and not _THOUGHT.sub("", start).strip()
        is_channel = start.startswith("<|channel|>") and not _FINAL_CHANNEL.search(start)
        is_header = start.startswith(_HEADERS) and "\n" not in start
        is_echo = start.count("<passage n=") > start.count("</passage>")
        return is_unmarked_thought or is_thought or is_channel or is_header or is_echo

    def _find_safe_end(self) -> int:
        """Return the position before which no mark can begin whose end is still to come."""
        start = max(self._text.rfind("<", -_LONGEST_MARK), self._text.rfind("[", -_LONGEST_MARK))
        is_open = start >= 0 and not any(end in self._text[start:] for end in (">", "]"))
        return start if is_open else len(self._text)

    def _pass_on(self, text: str) -> str:
        """Return what ``text`` says beyond what was passed on before; nothing where what it says has changed."""
        spoken_text = clean_reply(text) if _may_have_marks(text) else text.lstrip()
        following, self._passed = spoken_text[self._passed :], max(self._passed, len(spoken_text))
        return following


def _may_have_marks(text: str) -> bool:
    return "<" in text or "[" in text
