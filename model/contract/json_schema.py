"""Fields from what others declare: a profile's short form, and the JSON schema of a LangChain Runnable."""

from collections.abc import Mapping
from typing import Any

from ..errors import ProfileError
from .fields import KINDS, Field

_KINDS = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean", "object": "object"}
_MOST = 100_000
_SETTINGS = ("kind", "description", "required", "least", "most", "fields", "choices", "example")


def told(declared: Mapping[str, Any], *, required: bool) -> tuple[Field, ...]:
    """The fields of ``{name: kind}`` or ``{name: {kind: …, description: …, …}}``. Raises ProfileError."""
    return tuple(_told(name, told, required=required) for name, told in declared.items())


def of(schema: Mapping[str, Any], alone: str) -> tuple[Field, ...]:
    """The fields of a JSON schema; one that is no object becomes a field called ``alone``.

    Raises ProfileError for what a contract cannot hold: a schema that says nothing, or lists of numbers.
    """
    whole = _resolved(schema, schema)
    if whole.get("type") != "object" or "properties" not in whole:
        return (_field(alone, whole, schema, required=True),)
    return _inner(whole, schema)


def _told(name: str, declared: object, *, required: bool) -> Field:
    settings = {"kind": declared} if isinstance(declared, str) else declared
    if not isinstance(settings, dict) or settings.get("kind") not in KINDS or not settings.keys() <= set(_SETTINGS):
        raise ProfileError(
            f"the field {name} is declared by a kind ({', '.join(KINDS)}), or by an object with {', '.join(_SETTINGS)}"
        )
    given: dict[str, Any] = {"required": required, "most": _MOST if settings["kind"] == "text" else 0} | settings
    given["fields"] = told(settings.get("fields", {}), required=False)
    given["choices"] = tuple(settings.get("choices", ()))
    return Field(name, **given)


def _field(name: str, schema: Mapping[str, Any], root: Mapping[str, Any], *, required: bool) -> Field:
    one = _resolved(schema, root)
    description = str(one.get("description") or one.get("title") or "")
    if one.get("type") == "array":
        entry = _resolved(one.get("items", {}), root)
        if entry.get("type") not in {"string", "object"}:
            raise _unknown(name)
        return Field(name, "list", description, required, fields=_inner(entry, root))
    if one.get("type") not in _KINDS:
        raise _unknown(name)
    kind: Any = _KINDS[one["type"]]
    if kind == "object" and "properties" not in one:
        raise _unknown(name)
    choices = tuple(choice for choice in one.get("enum", ()) if isinstance(choice, str))
    most = _MOST if kind == "text" else 0
    return Field(name, kind, description, required, most=most, fields=_inner(one, root), choices=choices)


def _inner(schema: Mapping[str, Any], root: Mapping[str, Any]) -> tuple[Field, ...]:
    required = set(schema.get("required", ()))
    return tuple(
        _field(name, one, root, required=name in required) for name, one in schema.get("properties", {}).items()
    )


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """``schema`` behind its reference; of a choice with null, the other; of chat messages, their text."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    options = [option for option in schema.get("anyOf", schema.get("oneOf", [])) if option.get("type") != "null"]
    if len(options) == 1:
        return _resolved(options[0], root) | {key: schema[key] for key in ("title", "description") if key in schema}
    if options and all(str(option.get("$ref", "")).endswith(("Message", "MessageChunk")) for option in options):
        return {"type": "string", "description": "The message's text."}
    return {"type": "string"} if schema.get("title", "").endswith("Message") else dict(schema)


def _unknown(name: str) -> ProfileError:
    return ProfileError(f"what {name} is cannot be told from the Runnable's schema; declare inputs and outputs")
