"""The old place of what a stage tells; import model.stages instead."""

import warnings

from .contract.events import Event, Hear, Kind, Tell, silent, telling

__all__ = ["Event", "Hear", "Kind", "Tell", "silent", "telling"]

warnings.warn("model.events has moved; import model.stages instead", DeprecationWarning, stacklevel=2)
