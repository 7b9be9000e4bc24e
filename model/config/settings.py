"""Validate the settings that a class or function takes from a profile, with pydantic.

The parameters of a factory are its settings: their types, bounds and choices are the annotations
(``Annotated[int, Field(ge=1)]``), their defaults those of the signature. A parameter that is annotated with a subclass
of ``Part`` is no setting: the pipeline supplies it.
"""

import json
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from inspect import Parameter, signature
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import NotRequired, TypedDict  # pydantic needs these below Python 3.12

Factory = Callable[..., Any]


class Part:
    """Base of what the pipeline supplies to factories, such as the retriever. A profile cannot set it."""


class SettingProblem(NamedTuple):
    """What is wrong with a setting.

    Attributes:
        path: Names of the setting and of the settings that contain it, outermost first; empty for a missing setting.
        message: The problem in words.
    """

    path: tuple[str, ...]
    message: str


@cache
def list_settings(factory: Factory) -> dict[str, Parameter]:
    """Return the parameters of ``factory`` that a profile can set, by name."""
    parameters = signature(factory).parameters
    return {name: parameter for name, parameter in parameters.items() if not find_part(parameter)}


def find_part(parameter: Parameter) -> type[Part] | None:
    """Return the part that the pipeline supplies for a parameter; None for a setting."""
    members = (parameter.annotation, *get_args(parameter.annotation))
    return next((member for member in members if isinstance(member, type) and issubclass(member, Part)), None)


def requires_part(factory: Factory, part: type[Part]) -> bool:
    """Return whether ``factory`` has a parameter of the type ``part`` without a default."""
    return any(
        find_part(parameter) is part and parameter.default is Parameter.empty
        for parameter in signature(factory).parameters.values()
    )


def call_factory(factory: Factory, settings: Mapping[str, Any], *parts: Part | None) -> Any:
    """Call ``factory`` with settings and with the parts that it declares.

    Args:
        factory: The class or function.
        settings: Valid settings by name.
        *parts: What the pipeline supplies; each goes to the parameter that is annotated with its type.

    Returns:
        What ``factory`` returns.
    """
    supplied = {
        name: part
        for name, parameter in signature(factory).parameters.items()
        for part in parts
        if (wanted := find_part(parameter)) and isinstance(part, wanted)
    }
    return factory(**supplied, **settings)


def convert_settings(factory: Factory, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return valid settings with the types that ``factory`` declares: an object becomes its dataclass.

    Raises:
        ValueError: A setting is invalid; ``find_problems`` explains it.
    """
    return _settings_adapter(factory).validate_json(json.dumps(settings, default=str))


def find_problems(factory: Factory, settings: Mapping[str, Any]) -> Iterator[SettingProblem]:
    """Yield what is wrong with the settings of ``factory``."""
    try:
        convert_settings(factory, settings)
    except ValidationError as error:
        yield from _explain_errors(factory, error)


def suggest(name: str, choices: Iterable[str]) -> str:
    """Return the choice nearest to ``name`` as a question, or all choices."""
    choices = list(choices)
    near = get_close_matches(str(name).lower(), choices, n=1)
    return f"did you mean {near[0]}?" if near else f"it is one of {', '.join(choices) or 'none'}"


def describe_type(annotation: Any) -> str:
    """Return a setting's type in words, with its bounds: ``a whole number, at least 1``."""
    if get_origin(annotation) is Annotated:
        declared, *metadata = get_args(annotation)
        bounds = [words for mark in _flatten(metadata) if (words := _describe_bound(mark))]
        return ", ".join([describe_type(declared), *bounds])
    if get_origin(annotation) is Literal:
        return f"one of {', '.join(map(str, get_args(annotation)))}"
    if get_origin(annotation) in {Union, types.UnionType}:
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return " or ".join(map(describe_type, kinds))
    if get_origin(annotation) is list:
        return f"a list, such as [{'1, 2' if get_args(annotation)[:1] == (int,) else 'a, b'}]"
    return _TYPE_WORDS.get(get_origin(annotation) or annotation, "an object")


_TYPE_WORDS: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list, such as [a, b]",
}


@cache
def _settings_adapter(factory: Factory) -> TypeAdapter[dict[str, Any]]:
    """Return the validator of a factory's settings: a typed dict of its parameters, strict and without others."""
    fields = {
        name: parameter.annotation if parameter.default is Parameter.empty else NotRequired[parameter.annotation]
        for name, parameter in list_settings(factory).items()
    }
    config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)
    return TypeAdapter(with_config(config)(TypedDict("Settings", fields)))  # type: ignore[operator, misc]


def _explain_errors(factory: Factory, error: ValidationError) -> Iterator[SettingProblem]:
    """Yield one problem for each setting, in words of the profile."""
    explained: set[tuple[str, ...]] = set()
    for details in error.errors(include_url=False, include_context=False, include_input=False):
        path = tuple(str(key) for key in details["loc"])
        name = path[0]
        if details["type"] in {"missing", "missing_argument"} and len(path) == 1:
            yield SettingProblem((), f"{name} is missing")
        elif details["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
            choices = _list_names(factory, path[:-1])
            owner = f"{'.'.join(path[:-1])} has no setting" if path[:-1] else "there is no setting"
            yield SettingProblem(path, f"{owner} {path[-1]}; {suggest(path[-1], choices)}")
        elif path[:1] not in explained:
            explained.add(path[:1])
            yield SettingProblem(path, _explain_value(factory, path))


def _explain_value(factory: Factory, path: tuple[str, ...]) -> str:
    ...
