"""What a question asks for: kind of the answer, language, names, and what it compares."""

import pytest

from model.providers.offline.question import find_language, read_question, remove_words


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How much does the pump weigh?", "number"),
        ("Wie hoch ist die Gebühr?", "number"),
        ("Combien coûte le permis ?", "number"),
        ("¿Cuánto cuesta el permiso?", "number"),
        ("What is the highest pressure?", "number"),
        ("When does the office open?", "date"),
        ("Ab wann gilt die Regel?", "date"),
        ("Who leads the team?", "person"),
        ("Wer leitet das Team?", "person"),
        ("Where is the key?", "place"),
        ("Où se trouve la clé ?", "place"),
        ("How do I reset my badge?", "procedure"),
        ("Wie melde ich mich an?", "procedure"),
        ("What does MTBF stand for?", "definition"),
        ("Was versteht man unter Fernwärme?", "definition"),
        ("Why is the pump loud?", "reason"),
        ("May I bring my dog?", "yes_no"),
        ("ERR-4031", "other"),
    ],
)
def test_question_words_tell_the_kind_of_the_answer(question: str, kind: str) -> None:
    assert read_question(question).kind == kind


@pytest.mark.parametrize(
    ("question", "alternatives"),
    [
        ("Which is heavier, the FM-2204 or the FM-2241?", ("FM-2204", "FM-2241")),
        ("How did the fee change from 2023 to 2025?", ("2023", "2025")),
        ("Are daily or monthly sets kept longer?", ("daily", "monthly")),
        ("Do more people work in Kassel or in Bologna?", ("Kassel", "Bologna")),
        ("Ist die Zulage höher, spät oder nachts?", ("spät", "nachts")),
        ("What is the difference between basic and premium?", ("basic", "premium")),
        ("Is it open or not?", ()),
        ("What does ERR-4031 mean in 2025?", ()),
        ("How long does it take?", ()),
    ],
)
def test_comparison_names_what_it_compares(question: str, alternatives: tuple[str, ...]) -> None:
    assert read_question(question).alternatives == alternatives
    assert (read_question(question).kind == "comparison") == bool(alternatives)


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Who audited the Bologna depot of Ada Brunner's team?", ("Bologna", "Ada", "Brunner")),
        ("Where is the depot? Which one is open?", ()),
        ("Wo liegt das Depot der Firma?", ()),
        ("¿Dónde está la oficina de Madrid?", ("Madrid",)),
    ],
)
def test_names_are_words_with_a_capital_letter_but_not_german_nouns(question: str, names: tuple[str, ...]) -> None:
    assert read_question(question).names == names


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("What does dead band mean?", "What does dead band"),
        ("Explain dead band", "dead band"),
        ("What do we mean by traceability?", "traceability?"),
        ("What is the current price of PX-200?", "What is the  price of PX-200?"),
        ("What is the current of the pump?", "What is the  of the pump?"),
        ("How long is the warranty?", "is the warranty?"),
    ],
)
def test_words_that_name_the_kind_of_answer_are_no_subject(question: str, subject: str) -> None:
    assert " ".join(read_question(question).subject.split()) == " ".join(subject.split())


@pytest.mark.parametrize(
    ("question", "text", "is_answered"),
    [
        ("How much is the fee?", "The fee is 135 euros.", True),
        ("How much is the fee?", "The fee is due.", False),
        ("How many doors are there?", "There are twelve doors.", True),
        ("What does FM-2241 weigh?", "Data sheet FM-2241", True),
        ("How much does FM-2241 weigh?", "Data sheet FM-2241", False),
        ("When is it open?", "It is open on Mondays.", True),
        ("When is it open?", "It is open.", False),
        ("Who leads it?", "It is led by Ada Brunner.", True),
        ("Who leads it?", "It is led well.", False),
    ],
)
def test_value_of_the_wanted_kind_is_recognised(question: str, text: str, is_answered: bool) -> None:
    assert read_question(question).is_answered_in(text) is is_answered


def test_languages_of_questions_are_told_by_their_function_words() -> None:
    questions = ("Where is it?", "Wo ist der Schlüssel?", "Où est la clé ?", "¿Dónde está la llave?", "ERR-4031")
    assert list(map(find_language, questions)) == ["english", "german", "french", "spanish", "english"]


def test_words_are_removed_with_their_punctuation() -> None:
    assert remove_words("Which is heavier, FM-1 or FM-2?", ("fm-2",)) == "Which is heavier, FM-1 or"


@pytest.mark.parametrize(
    ("question", "attribute"),
    [
        ("What is the salary of the managing director?", "salary"),
        ("What's Marlon Pike's mobile number?", "mobile number"),
        ("Wie lautet die Adresse von Halden?", "Adresse"),
        ("Was ist der Rang der Leiterin?", "Rang"),
        ("Quelle est l'adresse du bureau ?", "adresse"),
        ("¿Cuál es la dirección de la oficina?", "dirección"),
        ("Who is the managing director?", ""),
        ("What is a stage?", ""),
    ],
)
def test_attribute_is_what_a_question_asks_of_a_thing(question: str, attribute: str) -> None:
    assert read_question(question).attribute == attribute


@pytest.mark.parametrize(
    ("question", "codes"),
    [
        ("What does ERR-4031 mean?", {"err4031"}),
        ("What does the FM-2204a weigh?", {"fm2204a"}),
        ("Who played in the 1970s?", set()),
        ("Who caught the 24-yard pass?", set()),
    ],
)
def test_decades_and_measures_are_no_codes(question: str, codes: set[str]) -> None:
    assert read_question(question).codes == codes
