"""The old place of declared fields, with their old arguments; import model.stages instead."""

import warnings
from typing import Any

from .contract import fields
from .contract.fields import FIELD_KINDS as KINDS
from .contract.fields import REFERENCE_PATTERN as REFERENCE
from .contract.fields import FieldKind as Kind
from .contract.fields import StageValues as Values

__all__ = ["KINDS", "REFERENCE", "Field", "Kind", "Values"]

warnings.warn("model.field has moved; import model.stages instead", DeprecationWarning, stacklevel=2)


def Field(*arguments: Any, **named: Any) -> fields.Field:  # noqa: N802 - it was a class
    """Return a field whose bounds may be called ``least`` and ``most``, as they were."""
    for old, new in (("least", "minimum"), ("most", "maximum")):
        if old in named:
            named[new] = named.pop(old)
    return fields.Field(*arguments, **named)
