"""Make fields from other declarations: a profile's short form, and the JSON schema of a LangChain Runnable."""

from collections.abc import Mapping
from typing import Any

from ..errors import ProfileError
from .fields import FIELD_KINDS, Field

_KINDS = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean", "object": "object"}
_MAX_TEXT_LENGTH = 100_000
_SETTINGS = ("kind", "description", "required", "least", "most", "fields", "choices", "example")


def parse_declarations(declared: Mapping[str, Any], *, required: bool) -> tuple[Field, ...]:
    """Return the fields of ``{name: kind}`` or ``{name: {kind: …, description: …, …}}``.

    Args:
        declared: Declarations by field name.
        required: Whether a field is required unless its declaration says otherwise.

    Returns:
        The fields, in order.

    Raises:
        ProfileError: A declaration names no kind, or an unknown key.
    """
    return tuple(_parse_declaration(name, declaration, required=required) for name, declaration in declared.items())


def parse_json_schema(schema: Mapping[str, Any], sole_name: str) -> tuple[Field, ...]:
    """Return the fields of a JSON schema.

    Args:
        schema: The schema of a Runnable's input or output.
        sole_name: Name of the one field when the schema describes no object.

    Returns:
        The fields, in order.

    Raises:
        ProfileError: The schema contains what a contract cannot hold, such as a list of numbers.
    """
    resolved = _resolve(schema, schema)
    if resolved.get("type") != "object" or "properties" not in resolved:
        return (_convert_field(sole_name, resolved, schema, required=True),)
    return _convert_properties(resolved, schema)


def _parse_declaration(name: str, declared: object, *, required: bool) -> Field:
    settings = {"kind": declared} if isinstance(declared, str) else declared
    if (
        not isinstance(settings, dict)
        or settings.get("kind") not in FIELD_KINDS
        or not settings.keys() <= set(_SETTINGS)
        or not isinstance(settings.get("fields", {}), dict)
        or not isinstance(settings.get("choices", []), list)
        or not all(isinstance(settings.get(bound, 0), int) for bound in ("least", "most"))
    ):
        kinds, keys = ", ".join(FIELD_KINDS), ", ".join(_SETTINGS)
        raise ProfileError(f"the field {name} is declared by a kind ({kinds}), or by an object with {keys}")
    arguments: dict[str, Any] = {"required": required} | settings
    arguments["minimum"] = arguments.pop("least", 0)
    arguments["maximum"] = arguments.pop("most", _MAX_TEXT_LENGTH if settings["kind"] == "text" else 0)
    arguments["fields"] = parse_declarations(settings.get("fields", {}), required=False)
    arguments["choices"] = tuple(settings.get("choices", ()))
    return Field(name, **arguments)


def _convert_field(name: str, schema: Mapping[str, Any], root: Mapping[str, Any], *, required: bool) -> Field:
    resolved = _resolve(schema, root)
    description = str(resolved.get("description") or resolved.get("title") or "")
    if resolved.get("type") == "array":
        entry = _resolve(resolved.get("items", {}), root)
        if entry.get("type") not in {"string", "object"}:
            raise _unknown_type(name)
        return Field(name, "list", description, required, fields=_convert_properties(entry, root))
    if resolved.get("type") not in _KINDS:
        raise _unknown_type(name)
    kind: Any = _KINDS[resolved["type"]]
    if kind == "object" and "properties" not in resolved:
        raise _unknown_type(name)
    choices = tuple(choice for choice in resolved.get("enum", ()) if isinstance(choice, str))
    maximum = _MAX_TEXT_LENGTH if kind == "text" else 0
    return Field(
        name, kind, description, required, maximum=maximum, fields=_convert_properties(resolved, root), choices=choices
    )


def _convert_properties(schema: Mapping[str, Any], root: Mapping[str, Any]) -> tuple[Field, ...]:
    required = set(schema.get("required", ()))
    return tuple(
        _convert_field(name, property_schema, root, required=name in required)
        for name, property_schema in schema.get("properties", {}).items()
    )


def _resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """Follow references, drop null from a choice, and reduce chat messages to their text."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    options = [option for option in schema.get("anyOf", schema.get("oneOf", [])) if option.get("type") != "null"]
    if len(options) == 1:
        return _resolve(options[0], root) | {key: schema[key] for key in ("title", "description") if key in schema}
    if options and all(str(option.get("$ref", "")).endswith(("Message", "MessageChunk")) for option in options):
        return {"type": "string", "description": "The message's text."}
    return {"type": "string"} if schema.get("title", "").endswith("Message") else dict(schema)


def _unknown_type(name: str) -> ProfileError:
    return ProfileError(f"what {name} is cannot be told from the Runnable's schema; declare inputs and outputs")
