"""Parts of speech: which words belong to a phrase, which join two, and where a statement ends."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.diagram.from_text.part_of_speech import Part, expand_negations, strip_markup, tag_parts

SYMBOLS = {
    Part.PHRASE: "N",
    Part.FINITE: "F",
    Part.VERB: "V",
    Part.PREPOSITION: "P",
    Part.AND: "&",
    Part.ARROW: ">",
    Part.END: "|",
    Part.NONE: "-",
}


def tag_in_symbols(text: str) -> str:
    """Return each word with the symbol of its part."""
    return " ".join(f"{word}/{SYMBOLS[part]}" for word, part in tag_parts(text))


@pytest.mark.parametrize(
    ("text", "tagged"),
    [
        ("", ""),
        ("The fox eats berries.", "The/- fox/N eats/F berries/N ./|"),
        ("the small red fox", "the/- small/N red/N fox/N"),
        ("10 foxes", "10/N foxes/N"),
        ("the fast and red fox", "the/- fast/- and/& red/N fox/N"),
        ("creation of applications", "creation/N of/N applications/N"),
        ("fox of the old forest", "fox/N of/N the/- old/N forest/N"),
        ("of applications", "of/P applications/N"),
        ("made of wood and", "made/V of/P wood/N and/&"),
        ("flying cars", "flying/N cars/N"),
        ("with flying cars", "with/P flying/N cars/N"),
        ("cars flying high", "cars/N flying/V high/-"),
        ("using models", "using/V models/N"),
        ("by using large models", "by/P using/V large/N models/N"),
    ],
)
def test_phrase_holds_a_noun_and_the_words_that_lead_to_it(text: str, tagged: str) -> None:
    assert tag_in_symbols(text) == tagged


@pytest.mark.parametrize(
    ("text", "tagged"),
    [
        ("The fox never eats.", "The/- fox/N never/V eats/F ./|"),
        ("Foxes cannot fly", "Foxes/N cannot/V fly/V"),
        ("The fox will eat berries", "The/- fox/N will/- eat/V berries/N"),
        ("to Berlin", "to/V Berlin/N"),
        ("LangChain documents many", "LangChain/N documents/N many/-"),
        ("LangChain cuts the documents", "LangChain/N cuts/F the/- documents/N"),
        ("LangChain cuts its documents", "LangChain/N cuts/F its/- documents/N"),
    ],
)
def test_verb_keeps_its_negation_and_loses_its_auxiliary(text: str, tagged: str) -> None:
    assert tag_in_symbols(text) == tagged


@pytest.mark.parametrize(
    ("text", "tagged"),
    [
        ("GPT-4 is open", "GPT-4/N is/F open/-"),
        ("an Open model", "an/- Open/N model/N"),
        ("a pre-trained model", "a/- pre-trained/N model/N"),
        ("well-known fox", "well-known/N fox/N"),
        ("GO reads data", "GO/N reads/F data/N"),
        ("foxes like OPEN", "foxes/N like/P OPEN/N"),
        ("TO Berlin", "TO/V Berlin/N"),
    ],
)
def test_name_is_a_noun_and_a_word_with_a_hyphen_no_verb(text: str, tagged: str) -> None:
    assert tag_in_symbols(text) == tagged


@pytest.mark.parametrize(
    ("text", "tagged"),
    [
        ("a -> b => c → d", "a/- ->/> b/N =>/> c/N →/> d/N"),
        ("Foxes: animals", "Foxes/N :/> animals/N"),
        ("a ratio 3:1", "a/- ratio/N 3:1/N"),
    ],
)
def test_arrow_or_colon_before_a_space_is_an_arrow(text: str, tagged: str) -> None:
    assert tag_in_symbols(text) == tagged


@pytest.mark.parametrize(
    ("text", "tagged"),
    [
        ("so the fox sleeps but the cat runs", "so/| the/- fox/N sleeps/F but/| the/- cat/N runs/F"),
        (
            "foxes; cats \N{EN DASH} dogs \N{EM DASH} birds",
            "foxes/N ;/| cats/N \N{EN DASH}/| dogs/N \N{EM DASH}/| birds/N",
        ),
        ("foxes! cats? dogs.", "foxes/N !/| cats/N ?/| dogs/N ./|"),
        ("The fox (a mammal) sleeps", "The/- fox/N (/- a/- mammal/N )/- sleeps/F"),
        ("The dog barks, and the cat sleeps", "The/- dog/N barks/F ,/& and/| the/- cat/N sleeps/F"),
        ("apples, pears, and plums", "apples/N ,/& pears/N ,/& and/& plums/N"),
        ("apples, and pears", "apples/N ,/& and/| pears/N"),
        ("apples and pears", "apples/N and/& pears/N"),
        ("He eats", "He/| eats/F"),
    ],
)
def test_clause_ends_at_its_punctuation_and_conjunctions(text: str, tagged: str) -> None:
    assert tag_in_symbols(text) == tagged


@pytest.mark.parametrize(
    ("text", "tagged"),
    [
        ("the cat which sleeps, and the dog", "the/- cat/N which/| sleeps/| ,/& and/| the/- dog/N"),
        ("foxes that eat red berries, dogs", "foxes/N that/| eat/| red/| berries/| ,/& dogs/N"),
        ("dogs WHOSE owners sleep. Foxes", "dogs/N WHOSE/| owners/| sleep/| ./| Foxes/N"),
        ("foxes if rain falls and dogs", "foxes/N if/| rain/| falls/| and/& dogs/N"),
    ],
)
def test_relative_clause_is_no_statement_until_its_end(text: str, tagged: str) -> None:
    assert tag_in_symbols(text) == tagged


@pytest.mark.parametrize(("letters", "length"), [(79, 79), (80, 80), (81, 80), (5000, 80)])
def test_word_is_read_up_to_80_letters(letters: int, length: int) -> None:
    assert tag_parts("x" * letters + " sleeps") == [("x" * length, Part.PHRASE), ("sleeps", Part.FINITE)]


@pytest.mark.parametrize(
    ("text", "plain_text"),
    [
        ("**Bold** _it_ ***both*** `code`", "Bold it both code"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("[1] foxes [23]", "foxes"),
        ("[x]", "[x]"),
        ("[a fox](b)", "a fox"),
        ("![fox](u(v)w) cat", "fox cat"),
        ("[](b) cat", "cat"),
        ("  a \n\n b\t c ", "a b c"),
        ("", ""),
    ],
)
def test_markup_is_stripped_and_space_is_collapsed(text: str, plain_text: str) -> None:
    assert strip_markup(text) == plain_text


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=100))
def test_stripped_text_has_single_spaces_and_tags_have_no_space(text: str) -> None:
    stripped = strip_markup(text)
    assert stripped == " ".join(stripped.split())
    assert all(word and not any(letter.isspace() for letter in word) for word, _ in tag_parts(text))


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("Cats don't eat dogs.", "Cats do not eat dogs."),
        ("It can't and won\N{RIGHT SINGLE QUOTATION MARK}t stop.", "It cannot and will not stop."),
        ("The client's mustn't be, and O'test.", "The client's must not be, and O'test."),
    ],
)
def test_contracted_negation_is_written_out(text: str, expanded: str) -> None:
    assert expand_negations(text) == expanded


def test_underscore_inside_a_word_is_kept() -> None:
    assert strip_markup("_Call_ `fit_to` with __all__ snake_case_names_") == "Call fit_to with all snake_case_names"
