"""Deprecated import path of ``training.packaging.log_model``. Importing this module warns."""

import warnings

from .packaging.log_model import log_model as log

__all__ = ["log"]

warnings.warn(
    "training.log has moved; import training.packaging.log_model instead",
    DeprecationWarning,
    stacklevel=2,
)
