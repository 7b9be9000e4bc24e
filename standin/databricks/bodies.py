"""Check the body of a call by the SDK's own class for it."""

from typing import Any

from .unity_catalog import CatalogError


def require_known(kind: Any, body: dict[str, Any], path: str) -> None:
    """Refuse a body that differs after a round trip through ``kind``, a class of the SDK.

    Raises:
        CatalogError: The class drops or cannot read a part of ``body``.
    """
    try:
        serialized = kind.from_dict(body).as_dict()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CatalogError("MALFORMED_REQUEST", f"{path}: {type(error).__name__}") from None
    if serialized != body:
        raise CatalogError("MALFORMED_REQUEST", f"{path}: unknown fields")
