"""Read the settings that a class or function takes from a profile: their names, types and nearest spelling."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from types import UnionType
from typing import Any, get_args, get_origin

INJECTED = {"self", "name", "index", "retriever", "files"}
"""Parameters that no profile sets: the pipeline injects them where a factory declares them."""
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
    """Return the names of the settings that ``factory`` takes."""
    return [name for name in signature(factory).parameters if name not in INJECTED]


def requires_part(factory: Callable[..., Any], part: str) -> bool:
    """Return whether ``factory`` declares the injected parameter ``part`` without a default."""
    parameter = signature(factory).parameters.get(part)
    return parameter is not None and parameter.default is Parameter.empty


def call_with_settings(factory: Callable[..., Any], settings: Mapping[str, Any], **parts: object) -> Any:
    """Call ``factory`` with a profile's settings.

    Args:
        factory: The class or function.
        settings: Settings by name.
        **parts: Dependencies; each is injected where ``factory`` declares a parameter of its name.

    Returns:
        What ``factory`` returns.
    """
    injected = {name: part for name, part in parts.items() if name in signature(factory).parameters}
    return factory(**injected, **settings)


def find_errors(
    factory: Callable[..., Any], settings: Mapping[str, Any], injected: Collection[str] = INJECTED
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with ``settings``.

    Args:
        factory: The class or function that takes the settings.
        settings: Settings by name.
        injected: Parameters that are no settings.

    Yields:
        The name of the setting and a message; an empty name for a setting that is missing.
    """
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
    """Return the choice nearest to ``name`` as a question, or all choices."""
    choices = list(choices)
    near = get_close_matches(str(name).lower(), choices, n=1)
    return f"did you mean {near[0]}?" if near else f"it is one of {', '.join(choices) or 'none'}"


def _matches_type(parameter: Parameter, value: object) -> bool:
    kinds = {get_origin(kind) or kind for kind in _declared_types(parameter)}
    if isinstance(value, bool) and bool not in kinds:
        return kinds.isdisjoint(_PLAIN)
    return any(isinstance(value, _PLAIN.get(kind, (object,))) for kind in kinds)


def _declared_types(parameter: Parameter) -> tuple[Any, ...]:
    """Return the declared type of a parameter, or the members of a union."""
    declared = parameter.annotation
    return get_args(declared) if isinstance(declared, UnionType) else (declared,)


def _describe_type(parameter: Parameter) -> str:
    kinds = [kind for kind in _declared_types(parameter) if kind is not type(None)]
    return " or ".join(_WORDS.get(get_origin(kind) or kind, str(kind)) for kind in kinds)
