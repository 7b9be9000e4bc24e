"""What a class or function takes from a profile: the names of its settings, their types, and what is near."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from types import UnionType
from typing import Any, get_args, get_origin

INJECTED = {"self", "name", "index", "retriever", "files"}
"""Arguments that a profile does not set: what it builds on is passed to whoever asks for it by name."""
_PLAIN: dict[object, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (int, float),
    bool: (bool,),
    list: (list,),
    type(None): (type(None),),
}

_WORDS: dict[object, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list, such as [a, b]",
    dict: "an object",
}


def setting_names(factory: Callable[..., Any]) -> list[str]:
    """The settings that it takes."""
    return [name for name in signature(factory).parameters if name not in INJECTED]


def requires_part(factory: Callable[..., Any], part: str) -> bool:
    """Whether it cannot do without that part of what a profile builds on."""
    parameter = signature(factory).parameters.get(part)
    return parameter is not None and parameter.default is Parameter.empty


def call_with_settings(factory: Callable[..., Any], settings: Mapping[str, Any], **parts: object) -> Any:
    """It, with its settings and those of ``parts`` that it asks for."""
    injected = {name: part for name, part in parts.items() if name in signature(factory).parameters}
    return factory(**injected, **settings)


def find_errors(
    factory: Callable[..., Any], settings: Mapping[str, Any], injected: Collection[str] = INJECTED
) -> Iterator[tuple[str, str]]:
    """What is wrong with ``settings``: the name, and a sentence; for one that is missing, an empty name."""
    parameters = {name: parameter for name, parameter in signature(factory).parameters.items() if name not in injected}
    for name, value in settings.items():
        if name not in parameters:
            yield name, f"there is no setting {name}; {suggest(name, parameters)}"
        elif not _matches_type(parameters[name], value):
            yield name, f"{name} is expected to be {_describe_type(parameters[name])}"
    for name in parameters.keys() - settings.keys():
        if parameters[name].default is Parameter.empty:
            yield "", f"{name} is missing"


def suggest(name: str, choices: Iterable[str]) -> str:
    """The known name that is nearest, or all of them."""
    choices = list(choices)
    near = get_close_matches(str(name).lower(), choices, n=1)
    return f"did you mean {near[0]}?" if near else f"it is one of {', '.join(choices) or 'none'}"


def _matches_type(parameter: Parameter, value: object) -> bool:
    kinds = {get_origin(kind) or kind for kind in _declared_types(parameter)}
    if isinstance(value, bool) and bool not in kinds:
        return kinds.isdisjoint(_PLAIN)
    return any(isinstance(value, _PLAIN.get(kind, (object,))) for kind in kinds)


def _declared_types(parameter: Parameter) -> tuple[Any, ...]:
    """The type that it is declared as, or those of which it is one."""
    declared = parameter.annotation
    return get_args(declared) if isinstance(declared, UnionType) else (declared,)


def _describe_type(parameter: Parameter) -> str:
    kinds = [kind for kind in _declared_types(parameter) if kind is not type(None)]
    return " or ".join(_WORDS.get(get_origin(kind) or kind, str(kind)) for kind in kinds)
