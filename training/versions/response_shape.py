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
    for name in declarations.keys() & response.keys():
        errors += _find_field_errors(name, response[name], declarations[name]["outputs"])
    return errors


def _find_field_errors(path: str, values: dict[str, Any], fields: list[dict[str, Any]]) -> list[str]:
    names = {field["name"] for field in fields}
    if set(values) != names:
        return [f"{path} has other fields than the version declares"]
    errors = [
        f"{path}.{f['name']} is not {f['kind']}" for f in fields if not isinstance(values[f["name"]], _TYPES[f["kind"]])
    ]
    for field in fields:
        if not errors and field.get("fields"):
            value = values[field["name"]]
            for entry in value if isinstance(value, list) else [value]:
                errors += _find_field_errors(f"{path}.{field['name']}", entry, field["fields"])
    return errors
