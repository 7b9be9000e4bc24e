"""Whether a response has the shape that its version declares."""

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


def misshapen(response: dict[str, Any], declared: dict[str, Any]) -> list[str]:
    """The fields of ``response`` that are missing, undeclared, null or of another type."""
    wrong = [f"{name} is missing" for name in declared if name not in response]
    for name in declared.keys() & response.keys():
        wrong += _unlike(name, response[name], declared[name]["outputs"])
    return wrong


def _unlike(place: str, values: dict[str, Any], fields: list[dict[str, Any]]) -> list[str]:
    names = {field["name"] for field in fields}
    if set(values) != names:
        return [f"{place} has other fields than it declares"]
    wrong = [
        f"{place}.{f['name']} is not {f['kind']}"
        for f in fields
        if not isinstance(values[f["name"]], _TYPES[f["kind"]])
    ]
    for field in fields:
        if not wrong and field.get("fields"):
            value = values[field["name"]]
            for entry in value if isinstance(value, list) else [value]:
                wrong += _unlike(f"{place}.{field['name']}", entry, field["fields"])
    return wrong
