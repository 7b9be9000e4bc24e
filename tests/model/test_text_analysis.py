"""Text analysis: stems and sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.text_analysis import Analyser, Sentence, find_identifiers, split_sentences, split_words


@pytest.mark.parametrize(
    ("text", "stems"),
    [
        ("Tell me about LangChain.", ["langchain"]),
        ("What are the STAGES of a running pipeline?", ["stage", "run", "pipelin"]),
        ("Who are you?", ["who", "are", "you"]),
        ("GPT-4", ["gpt4", "gpt", "4"]),
        ("", []),
        ("?!", []),
    ],
)
def test_stems_omit_stop_words_unless_a_text_has_only_those(text: str, stems: list[str]) -> None:
    assert Analyser().stems(text) == stems


@pytest.mark.parametrize(
    ("language", "text", "stems"),
    [
        ("german", "Wann werden die Häuser gereinigt?", ["haus", "gereinigt"]),
        ("french", "Où se trouvent les maisons de la ville ?", ["trouvent", "maison", "vill"]),
        ("spanish", "¿Cuándo abren las oficinas?", ["abren", "oficin"]),
        ("italian", "Dove sono le case?", ["dov", "son", "le", "cas"]),
        ("slovak", "Kde sú domy?", ["kde", "sú", "domy"]),
    ],
)
def test_stems_are_those_of_the_language(language: str, text: str, stems: list[str]) -> None:
    """A language without a list of stop words keeps all, and one without a stemmer keeps the words as they are."""
    assert Analyser(language).stems(text) == stems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here. Two is there!", ["One is here.", "Two is there!"]),
        ('He said "It is so." Then he left.', ['He said "It is so."', "Then he left."]),
        ("Version 3.5 has e.g. this", ["Version 3.5 has e.g. this"]),
        (
            "He met J. R. Smith in the U.S. Army. Then he left.",
            ["He met J. R. Smith in the U.S. Army.", "Then he left."],
        ),
        ("Dr. No is at St. Ives. 5 saw him.", ["Dr. No is at St. Ives.", "5 saw him."]),
        ("Version 3.5 has approx. 10 parts.", ["Version 3.5 has approx. 10 parts."]),
        ("# A heading here\n\nA line\nthat goes on.", ["A line\nthat goes on."]),
        ("- first item\n- second item\n1. third item", ["first item", "second item", "third item"]),
        ("| a | b |\n| c | d |", []),
        ("Word", []),
        ("", []),
    ],
)
def test_split_sentences_handles_abbreviations_and_markdown(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in split_sentences(text)] == expected


@given(st.text(alphabet=st.sampled_from("ab .!?\n-#*\"')(1"), max_size=80))
def test_text_at_start_of_sentence_is_the_sentence(text: str) -> None:
    for sentence in split_sentences(text):
        assert text[sentence.start : sentence.start + len(sentence.text)] == sentence.text


def test_split_sentences_returns_start_of_each_sentence() -> None:
    assert list(split_sentences("  One is.  Two is.")) == [Sentence("One is.", 2), Sentence("Two is.", 11)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ERR-4031", ["err4031", "err", "4031"]),
        ("MS17-010", ["ms17010", "ms", "17", "010"]),
        ("XZ88/3", ["xz883", "xz", "88", "3"]),
        ("192.168.0.1", ["19216801", "192", "168", "0", "1"]),
        ("C++ and C# and F#", ["c++", "and", "c#", "and", "f#"]),
        ("1,200 1.200 1'200 1200", ["1200", "1200", "1200", "1200"]),
        ("12,50 12.5 88.00 88", ["12.5", "12.5", "88", "88"]),
        ("state-of-the-art don't", ["state", "of", "the", "art", "don", "t"]),
        ("\ufb01lter \uff21\uff22", ["filter", "ab"]),
        ("पुस्तकालय", ["पुस्तकालय"]),
        ("年假", ["年假"]),
        ("停车场", ["停车", "车场"]),
        ("年假有多少天", ["年假"]),
        ("ที่จอดรถ", ["ที่", "ี่จ", "่จอ", "จอด", "อดร", "ดรถ"]),
        ("식당은", ["식당은", "식당", "당은"]),
    ],
)
def test_words_of_identifiers_numbers_and_scripts_without_spaces(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize(
    ("text", "identifiers"),
    [
        ("What does ERR-4031 mean in 2023?", ["err4031", "2023"]),
        ("The 19th of 12 months, 14 cm, 5kg, 3rd floor", []),
        ("clause 6.2 and version 3.11.2", ["3112"]),
        ("PX-200 costs 1,200", ["px200", "1200"]),
    ],
)
def test_identifiers_are_years_codes_and_long_numbers(text: str, identifiers: list[str]) -> None:
    assert find_identifiers(text) == identifiers


def test_stop_word_in_capitals_is_a_name() -> None:
    assert Analyser().content_words("Who is in IT at the WHO?") == ["IT", "WHO"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See Sec. 4 of it. Then go.", ["See Sec. 4 of it.", "Then go."]),
        ("It is on floor 3. The gym is new.", ["It is on floor 3.", "The gym is new."]),
        ("Take vitamin C. The gym is new.", ["Take vitamin C.", "The gym is new."]),
        ("Am 3. Oktober ist frei. Danach nicht.", ["Am 3. Oktober ist frei.", "Danach nicht."]),
        ("年假为十五天。病假需要证明！", ["年假为十五天。", "病假需要证明！"]),
        ("किताब यहाँ है। वह नई है।", ["किताब यहाँ है।", "वह नई है।"]),
        ("ร้านกาแฟเปิดเจ็ดโมง ที่จอดรถอยู่ด้านหลัง", ["ร้านกาแฟเปิดเจ็ดโมง", "ที่จอดรถอยู่ด้านหลัง"]),
    ],
)
def test_sentences_end_as_their_script_says(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in split_sentences(text)] == expected
