"""Compare a response with the shape that its version declares."""

from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "image": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "list": list,
}


def find_shape_errors(response: dict[str, Any], declarations: dict[str, Any]) -> list[str]:
    """Return a sentence for each field of a response that is missing, undeclared, null or of another type.

    Args:
        response: The response.
        declarations: The version's declarations by stage.
    """
    errors = [f"{name} is missing" for name in declarations if name not in response]
    for name in sorted(declarations.keys() & response.keys()):
        errors += _find_field_errors(name, response[name], declarations[name]["outputs"])
    return errors


def _find_field_errors(path: str, values: Any, fields: list[dict[str, Any]]) -> list[str]:  # JSON
    if not isinstance(values, dict):
        return [f"{path} is not object"]
    names = {field["name"] for field in fields}
    if set(values) != names:
        return [f"{path} has other fields than the version declares"]
    errors = [f"{path}.{f['name']} is not {f['kind']}" for f in fields if not _has_kind(values[f["name"]], f["kind"])]
    for field in fields:
        if not errors and field.get("fields"):
            value = values[field["name"]]
            for entry in value if isinstance(value, list) else [value]:
                errors += _find_field_errors(f"{path}.{field['name']}", entry, field["fields"])
    return errors


def _has_kind(value: object, kind: str) -> bool:
    """Return whether a value has the type of a field's kind; a boolean is no number."""
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
