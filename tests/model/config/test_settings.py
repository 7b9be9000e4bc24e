"""Settings are the parameters of a factory, which pydantic validates and the profile's author can read."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

import pytest
from pydantic import ConfigDict, Field

from model.config.settings import (
    Dependency,
    SettingProblem,
    call_factory,
    convert_settings,
    describe_type,
    find_problems,
    list_settings,
    requires_dependency,
    suggest,
)


class Corpus(Dependency):
    """What the pipeline supplies."""


class Speaker(Protocol):
    """What a provider's entry implements."""

    def speak(self) -> str:
        """Return a word."""
        ...


@dataclass(frozen=True)
class Limits:
    """Settings inside a setting."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    calls: Annotated[int, Field(ge=1)] = 16


def make_stage(
    corpus: Corpus,
    speaker: Speaker,
    names: list[str],
    count: Annotated[int, Field(ge=1, le=50)] = 4,
    share: float | None = None,
    way: Literal["short", "long"] = "short",
    limits: Limits | None = None,
) -> dict[str, Any]:
    """Return the arguments."""
    return {"corpus": corpus, "speaker": speaker, "names": names, "count": count, "share": share, "limits": limits}


def make_answer(names: list[str], count: int = 4, limits: Limits | None = None) -> tuple[Any, ...]:
    """Return the arguments."""
    return names, count, limits


def test_settings_are_the_parameters_that_are_no_dependency() -> None:
    assert list(list_settings(make_stage))[:3] == ["speaker", "names", "count"]
    assert requires_dependency(make_stage, Corpus)
    assert not requires_dependency(make_answer, Corpus)


def test_factory_gets_its_settings_and_the_dependencies_that_it_declares() -> None:
    corpus = Corpus()
    arguments = call_factory(make_stage, {"speaker": "entry", "names": ["a"]}, None, corpus)
    assert (arguments["corpus"], arguments["speaker"], arguments["count"]) == (corpus, "entry", 4)
    assert call_factory(make_answer, {"names": []}, corpus) == ([], 4, None)


def test_object_becomes_the_dataclass_that_is_declared() -> None:
    assert convert_settings(make_answer, {"names": ["a"], "limits": {"calls": 2}}) == {
        "names": ["a"],
        "limits": Limits(2),
    }


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({}, (), "names is missing"),
        ({"names": "a"}, ("names",), "names must be a list, such as [a, b]"),
        ({"names": ["a", 1]}, ("names", "1"), "names must be a list, such as [a, b]"),
        ({"names": [], "count": True}, ("count",), "count must be a whole number"),
        ({"names": [], "count": "4"}, ("count",), "count must be a whole number"),
        ({"names": [], "cuont": 4}, ("cuont",), "there is no setting cuont; did you mean count?"),
        ({"names": [], "limits": 4}, ("limits",), "limits must be an object"),
        (
            {"names": [], "limits": {"calls": 0}},
            ("limits", "calls"),
            "limits.calls must be a whole number of at least 1",
        ),
        ({"names": [], "limits": {"cals": 1}}, ("limits", "cals"), "limits has no setting cals; did you mean calls?"),
    ],
)
def test_problem_names_setting_and_expectation(settings: dict[str, Any], path: tuple[str, ...], message: str) -> None:
    assert list(find_problems(make_answer, settings)) == [SettingProblem(path, message)]


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str, "text"),
        (float | None, "a number"),
        (bool, "true or false"),
        (int | str, "a whole number or text"),
        (Literal["a", "b"], "one of a, b"),
        (Annotated[int, Field(ge=1, le=5000)], "a whole number from 1 to 5,000"),
        (Annotated[list[str], Field(min_length=1)] | None, "a list, such as [a, b], not empty"),
        (dict[str, Any], "an object"),
    ],
)
def test_type_is_described_in_words(annotation: Any, words: str) -> None:
    assert describe_type(annotation) == words


def test_suggestion_is_the_nearest_choice_or_all() -> None:
    assert suggest("Modles", ["models", "window"]) == "did you mean models?"
    assert suggest("x", ["models", "window"]) == "it is one of models, window"
    assert suggest("x", []) == "it is one of none"
