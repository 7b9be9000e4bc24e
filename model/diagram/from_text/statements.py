"""Extract statements from sentences: noun phrases, and the verb or preposition that joins them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product

from .part_of_speech import Part, tag_parts

_MAX_PHRASE_WORDS = 5
_MAX_RELATION_WORDS = 4
_MAX_JOINED_PHRASES = 9
"""Phrases on each side of a relation that are joined pair by pair; a slide holds no more."""
_AUXILIARY_VERBS = {"is", "are", "was", "were", "has", "have", "had", "never"}
_CARRIED_PREPOSITIONS = {"into", "to", "from", "as", "through"}


@dataclass(frozen=True, slots=True)
class Statement:
    """Two noun phrases and what joins them; an empty relation is a plain arrow."""

    subject: str
    relation: str
    object: str


@dataclass(slots=True)
class _Group:
    """Phrases that stand side by side ("water and light"), and the words that lead to the next group."""

    phrases: list[str] = field(default_factory=list)
    verb: list[str] = field(default_factory=list)
    preposition: list[str] = field(default_factory=list)
    continues: bool = True
    is_closed: bool = False
    shares_subject: bool = False  # "reads the rows and writes a log": the verb belongs to the earlier subject

    @property
    def is_followed(self) -> bool:
        """Whether what follows is another group."""
        return self.has_relation or self.is_closed or not self.continues

    @property
    def has_relation(self) -> bool:
        """Whether something joins the group to the next one; an arrow does, without a word."""
        return bool(self.verb or self.preposition)

    @property
    def relation(self) -> str:
        return " ".join([*self.verb, *self.preposition][-_MAX_RELATION_WORDS:])

    def add_word(self, word: str, part: Part) -> None:
        """Add a word that stands behind the phrases."""
        if part in {Part.END, Part.AND}:
            self.is_closed, self.continues = self.is_closed or part is Part.END, True
        elif part in {Part.FINITE, Part.VERB}:
            if part is Part.FINITE and self.verb and self.verb[-1].lower() not in _AUXILIARY_VERBS:
                self.verb.clear()  # of two finite verbs in a row, the last one is the main verb
            self.shares_subject = self.shares_subject or (self.continues and not self.verb and part is Part.FINITE)
            self.verb.append(word)
        elif part in {Part.PREPOSITION, Part.ARROW}:
            self.preposition.append(word.lower() if part is Part.PREPOSITION else "")


def extract_phrases(text: str) -> list[str]:
    """Return the noun phrases of ``text``, in order."""
    return [phrase for group in _group_words(text) for phrase in group.phrases]


def extract_statements(text: str) -> Iterator[Statement]:
    """Yield a statement for each pair of phrases that a verb or preposition joins."""
    verb: list[str] = []
    subjects: list[str] = []
    for group, following in pairwise(_group_words(text)):
        if group.shares_subject and subjects:
            verb = group.verb
        elif group.verb or not subjects:
            subjects, verb = group.phrases, group.verb
        if group.is_closed or not group.has_relation:
            subjects = []
            continue
        # "turns water and light into sugar": what comes after several objects belongs to the verb's subject
        several = not group.verb and len(group.phrases) > 1 and subjects is not group.phrases
        carried = several and group.preposition[0] in _CARRIED_PREPOSITIONS
        relation = " ".join([*verb[-1:], *group.preposition]) if carried else group.relation
        left_phrases = subjects if carried or group.shares_subject else group.phrases[-1:] if several else group.phrases
        for subject, object_phrase in product(
            left_phrases[:_MAX_JOINED_PHRASES], following.phrases[:_MAX_JOINED_PHRASES]
        ):
            if subject.lower() != object_phrase.lower():
                yield Statement(subject, relation, object_phrase)


def _group_words(text: str) -> list[_Group]:
    """Split the text into groups of phrases and the relations between them."""
    groups = [_Group()]
    phrase: list[str] = []
    for word, part in [*tag_parts(text), ("", Part.END)]:
        if part is Part.PHRASE:
            phrase.append(word)
            continue
        if phrase:
            is_joined = phrase[-1].lower() == "of"  # "history of the Huguenots": an article stands behind the "of"
            phrase = phrase[:-1] if is_joined else phrase
            if groups[-1].is_followed:
                groups.append(_Group())
            groups[-1].phrases.append(" ".join(phrase[-_MAX_PHRASE_WORDS:]).removeprefix("of "))
            groups[-1].continues = False
            if is_joined:
                groups[-1].add_word("of", Part.PREPOSITION)
            phrase = []
        if groups[-1].phrases:
            groups[-1].add_word(word, part)
    return [group for group in groups if group.phrases]
