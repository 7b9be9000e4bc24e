"""Sentences as statements: noun phrases and the verb or preposition that joins them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product

from .part_of_speech import Part, parts

_MOST_WORDS = 5
_MOST_RELATION = 4
_MOST_JOINED = 9
"""Phrases on each side of a relation that are joined pair by pair: a slide holds no more."""
_HELPING = {"is", "are", "was", "were", "has", "have", "had", "never"}
_CARRIED = {"into", "to", "from", "as", "through"}


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
    goes_on: bool = True
    ends: bool = False
    shares: bool = False  # "reads the rows and writes a log": its verb belongs to the subject before it

    @property
    def leads_on(self) -> bool:
        """Whether what follows is another group."""
        return self.relates or self.ends or not self.goes_on

    @property
    def relates(self) -> bool:
        """Whether something joins it to the next group; an arrow does, without a word."""
        return bool(self.verb or self.preposition)

    @property
    def relation(self) -> str:
        return " ".join([*self.verb, *self.preposition][-_MOST_RELATION:])

    def take(self, word: str, part: Part) -> None:
        """Takes a word that stands behind the phrases."""
        if part in {Part.END, Part.AND}:
            self.ends, self.goes_on = self.ends or part is Part.END, True
        elif part in {Part.FINITE, Part.VERB}:
            if part is Part.FINITE and self.verb and self.verb[-1].lower() not in _HELPING:
                self.verb.clear()  # of two finite verbs in a row, the last is the sentence's own
            self.shares = self.shares or (self.goes_on and not self.verb and part is Part.FINITE)
            self.verb.append(word)
        elif part in {Part.PREPOSITION, Part.ARROW}:
            self.preposition.append(word.lower() if part is Part.PREPOSITION else "")


def phrases(text: str) -> list[str]:
    """The noun phrases of ``text``, in order."""
    return [phrase for group in _groups(text) for phrase in group.phrases]


def statements(text: str) -> Iterator[Statement]:
    """What ``text`` says, one statement for each pair of phrases that a verb or preposition joins."""
    verb: list[str] = []
    subjects: list[str] = []
    for group, following in pairwise(_groups(text)):
        if group.shares and subjects:
            verb = group.verb
        elif group.verb or not subjects:
            subjects, verb = group.phrases, group.verb
        if group.ends or not group.relates:
            subjects = []
            continue
        # "turns water and light into sugar": what comes after several objects belongs to the verb's subject
        several = not group.verb and len(group.phrases) > 1 and subjects is not group.phrases
        carried = several and group.preposition[0] in _CARRIED
        relation = " ".join([*verb[-1:], *group.preposition]) if carried else group.relation
        left = subjects if carried or group.shares else group.phrases[-1:] if several else group.phrases
        for subject, thing in product(left[:_MOST_JOINED], following.phrases[:_MOST_JOINED]):
            if subject.lower() != thing.lower():
                yield Statement(subject, relation, thing)


def _groups(text: str) -> list[_Group]:
    """The text cut into groups of phrases and the relations between them."""
    groups = [_Group()]
    phrase: list[str] = []
    for word, part in [*parts(text), ("", Part.END)]:
        if part is Part.PHRASE:
            phrase.append(word)
            continue
        if phrase:
            if groups[-1].leads_on:
                groups.append(_Group())
            groups[-1].phrases.append(" ".join(phrase[-_MOST_WORDS:]).removeprefix("of "))
            groups[-1].goes_on = False
            phrase = []
        if groups[-1].phrases:
            groups[-1].take(word, part)
    return [group for group in groups if group.phrases]
