"""The old place of declared fields; import model.stages instead."""

import warnings

from .contract.fields import KINDS, REFERENCE, Field, Kind, Values

__all__ = ["KINDS", "REFERENCE", "Field", "Kind", "Values"]

warnings.warn("model.field has moved; import model.stages instead", DeprecationWarning, stacklevel=2)
