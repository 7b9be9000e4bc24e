"""What a class or function takes from a profile: the names of its settings, their types, and what is near."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from types import UnionType
from typing import Any, get_args, get_origin

GIVEN = {"self", "name", "index", "retriever", "files"}
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


def names(made: Callable[..., Any]) -> list[str]:
    """The settings that it takes."""
    return [name for name in signature(made).parameters if name not in GIVEN]


def needs(made: Callable[..., Any], part: str) -> bool:
    """Whether it cannot do without that part of what a profile builds on."""
    asked = signature(made).parameters.get(part)
    return asked is not None and asked.default is Parameter.empty


def call(made: Callable[..., Any], settings: Mapping[str, Any], **parts: object) -> Any:
    """It, with its settings and those of ``parts`` that it asks for."""
    wanted = {name: part for name, part in parts.items() if name in signature(made).parameters}
    return made(**wanted, **settings)


def wrong(
    made: Callable[..., Any], settings: Mapping[str, Any], given: Collection[str] = GIVEN
) -> Iterator[tuple[str, str]]:
    """What is wrong with ``settings``: the name, and a sentence; for one that is missing, an empty name."""
    taken = {name: one for name, one in signature(made).parameters.items() if name not in given}
    for name, value in settings.items():
        if name not in taken:
            yield name, f"there is no setting {name}; {meant(name, taken)}"
        elif not _fits(taken[name], value):
            yield name, f"{name} is expected to be {_told(taken[name])}"
    for name in taken.keys() - settings.keys():
        if taken[name].default is Parameter.empty:
            yield "", f"{name} is missing"


def meant(name: str, known: Iterable[str]) -> str:
    """The known name that is nearest, or all of them."""
    known = list(known)
    near = get_close_matches(str(name).lower(), known, n=1)
    return f"did you mean {near[0]}?" if near else f"it is one of {', '.join(known) or 'none'}"


def _fits(parameter: Parameter, value: object) -> bool:
    kinds = {get_origin(kind) or kind for kind in _kinds(parameter)}
    if isinstance(value, bool) and bool not in kinds:
        return kinds.isdisjoint(_PLAIN)
    return any(isinstance(value, _PLAIN.get(kind, (object,))) for kind in kinds)


def _kinds(parameter: Parameter) -> tuple[Any, ...]:
    """The type that it is declared as, or those of which it is one."""
    declared = parameter.annotation
    return get_args(declared) if isinstance(declared, UnionType) else (declared,)


def _told(parameter: Parameter) -> str:
    kinds = [kind for kind in _kinds(parameter) if kind is not type(None)]
    return " or ".join(_WORDS.get(get_origin(kind) or kind, str(kind)) for kind in kinds)
