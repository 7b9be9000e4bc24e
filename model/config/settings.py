"""Validate the settings that a class or function takes from a profile, with pydantic.

The parameters of a factory are its settings: their types, bounds and choices are the annotations
(``Annotated[int, Field(ge=1)]``), their defaults those of the signature. The pipeline supplies a parameter that is
annotated with a subclass of ``Dependency``. One that is annotated with a protocol takes a provider's entry.
"""

import json
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from difflib import get_close_matches
from functools import cache
from inspect import Parameter, signature
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from annotated_types import Ge, Le, MinLen
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from pydantic.fields import FieldInfo
from typing_extensions import TypedDict, is_protocol  # typing's TypedDict needs Python 3.12 for pydantic

Factory = Callable[..., Any]
Count = Annotated[int, Field(ge=0)]
PositiveCount = Annotated[int, Field(ge=1)]
Instructions = Annotated[str, Field(max_length=8000)]
"""A text for a chat model, such as house rules."""
ModelName = Annotated[str, Field(min_length=1)]
ModelNames = Annotated[list[ModelName], Field(min_length=1)]
"""Models in order of preference."""


class Dependency:
    """Base of what the pipeline supplies to factories, such as the retriever. A profile cannot set it."""


class SettingProblem(NamedTuple):
    """A problem with a setting.

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
    return {name: parameter for name, parameter in parameters.items() if not find_dependency(parameter)}


def find_dependency(parameter: Parameter) -> type[Dependency] | None:
    """Return the class of what the pipeline supplies for a parameter; None for a setting."""
    members = (parameter.annotation, *get_args(parameter.annotation))
    return next((member for member in members if isinstance(member, type) and issubclass(member, Dependency)), None)


def find_protocol(parameter: Parameter) -> type | None:
    """Return the protocol that a provider's entry has to implement for a parameter; None for a plain setting."""
    members = (parameter.annotation, *get_args(parameter.annotation))
    return next((member for member in members if isinstance(member, type) and is_protocol(member)), None)


def requires_dependency(factory: Factory, dependency: type[Dependency]) -> bool:
    """Return whether ``factory`` has a parameter of the type ``dependency`` without a default."""
    return any(
        find_dependency(parameter) is dependency and parameter.default is Parameter.empty
        for parameter in signature(factory).parameters.values()
    )


def call_factory(factory: Factory, settings: Mapping[str, Any], *dependencies: Dependency | None) -> Any:
    """Call ``factory`` with settings and with the dependencies that it declares.

    Args:
        factory: The class or function.
        settings: Valid settings by name.
        *dependencies: Objects of the pipeline; each goes to the parameter that is annotated with its type.

    Returns:
        What ``factory`` returns.
    """
    supplied = {
        name: dependency
        for name, parameter in signature(factory).parameters.items()
        for dependency in dependencies
        if (dependency_type := find_dependency(parameter)) and isinstance(dependency, dependency_type)
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
    """Return a setting's type in words, with its bounds: ``a whole number of at least 1``."""
    if get_origin(annotation) is Annotated:
        declared, *metadata = get_args(annotation)
        return describe_type(declared) + _describe_bounds(metadata)
    if get_origin(annotation) is Literal:
        return f"one of {', '.join(map(str, get_args(annotation)))}"
    if get_origin(annotation) in {Union, types.UnionType}:
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return " or ".join(map(describe_type, kinds))
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
        name: _field_type(parameter) if parameter.default is Parameter.empty else NotRequired[_field_type(parameter)]
        for name, parameter in list_settings(factory).items()
    }
    config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)
    return TypeAdapter(with_config(config)(TypedDict("Settings", fields)))  # type: ignore[operator]


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
    """Return what a setting, or a setting inside an object, has to be."""
    annotation = list_settings(factory)[path[0]].annotation
    nested = _nested_annotations(annotation)
    if path[1:] and path[1] in nested:
        return f"{path[0]}.{path[1]} must be {describe_type(nested[path[1]])}"
    return f"{path[0]} must be {describe_type(annotation)}"


def _list_names(factory: Factory, path: tuple[str, ...]) -> Iterable[str]:
    """Return the settings that exist at ``path``."""
    settings = list_settings(factory)
    return _nested_annotations(settings[path[0]].annotation) if path else settings


def _nested_annotations(annotation: Any) -> dict[str, Any]:
    """Return the annotations of the settings inside an object: the fields of its dataclass."""
    members = (annotation, *get_args(annotation))
    declared = next((member for member in members if isinstance(member, type) and is_dataclass(member)), None)
    return get_type_hints(declared, include_extras=True) if declared else {}


def _field_type(parameter: Parameter) -> Any:
    """Return the type that pydantic validates; a provider's entry is validated with the provider's own settings."""
    if parameter.annotation is Parameter.empty or find_protocol(parameter):
        return Any
    return parameter.annotation


def _describe_bounds(metadata: Iterable[Any]) -> str:
    """Return the bounds of a number, or that a text or list must not be empty, in words."""
    marks = [mark for field in metadata for mark in (field.metadata if isinstance(field, FieldInfo) else [field])]
    minimum = next((mark.ge for mark in marks if isinstance(mark, Ge)), None)
    maximum = next((mark.le for mark in marks if isinstance(mark, Le)), None)
    if minimum is not None and maximum is not None:
        return f" from {minimum:,} to {maximum:,}"
    if minimum is not None:
        return f" of at least {minimum:,}"
    return ", not empty" if any(isinstance(mark, MinLen) and mark.min_length for mark in marks) else ""
