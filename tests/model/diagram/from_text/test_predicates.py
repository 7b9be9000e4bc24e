"""What sentences say about the phrase that they begin with."""

import pytest

from model.diagram.from_text.predicates import extract_predicates, extract_steps


@pytest.mark.parametrize(
    ("sentence", "statements"),
    [
        ("Foxes eat mice.", ["Foxes | eat | mice"]),
        (
            "The Black Death is thought to have originated in the arid plains of Central Asia, where it spread.",
            ["Black Death | is thought to have originated in | arid plains of Central Asia"],
        ),
        (
            "Oxygen was discovered by Carl Wilhelm Scheele, in Uppsala, in 1773.",
            ["Oxygen | was discovered by | Carl Wilhelm Scheele"],
        ),
        ("In 1700 the company opened a depot.", ["company | opened a | depot"]),
        ("Model Serving needs the premium tier.", ["Model Serving | needs | premium tier"]),
        (
            "Azure Databricks is a fast, easy, and collaborative analytics platform.",
            ["Azure Databricks | is a | fast, easy, and collaborative analytics platform"],
        ),
        ("Some settlers landed in Chesterfield County.", ["Some settlers | landed in | Chesterfield County"]),
        ("Private bills normally relate to large projects.", ["Private bills | normally relate to | large projects"]),
    ],
)
def test_sentence_gives_subject_verb_and_phrase(sentence: str, statements: list[str]) -> None:
    assert [f"{s.subject} | {s.relation} | {s.object}" for s in extract_predicates(sentence)] == statements


@pytest.mark.parametrize(
    "sentence",
    [
        "This approach exploits the fact.",
        "Its fur is red.",
        "There are two bands.",
        "Surveys of remains in France and England indicate the first variant.",
        "Multichain runs just as well on a laptop.",
        "The committee has been set up to consider legislation.",
        "Red.",
        "",
        "Der Hund frisst das Futter.",
    ],
)
def test_sentence_of_another_form_says_nothing(sentence: str) -> None:
    assert list(extract_predicates(sentence)) == []


def test_long_enumeration_gives_a_statement_for_each_phrase() -> None:
    sentence = "The platform offers collaborative notebooks, interactive dashboards, nightly pipelines and clusters."
    assert [statement.object for statement in extract_predicates(sentence)] == [
        "collaborative notebooks",
        "interactive dashboards",
        "nightly pipelines",
        "clusters",
    ]


@pytest.mark.parametrize(
    ("sentence", "steps"),
    [
        (
            "The run builds the index, logs the model and verifies it.",
            ["builds the index", "logs the model", "verifies it"],
        ),
        ("The run builds the index and logs the model.", []),
        ("Remains from the town showed the type, implying a wave, suggesting a second one.", []),
        ("", []),
    ],
)
def test_sentence_with_three_verbs_gives_steps(sentence: str, steps: list[str]) -> None:
    assert extract_steps(sentence) == steps
