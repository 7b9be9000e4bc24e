"""The old place of what a stage tells, under the old names; import model.stages instead."""

import warnings

from .contract.events import Emit as Tell
from .contract.events import Event
from .contract.events import EventKind as Kind
from .contract.events import EventListener as Hear
from .contract.events import discard as silent
from .contract.events import make_emitter as telling

__all__ = ["Event", "Hear", "Kind", "Tell", "silent", "telling"]

warnings.warn("model.events has moved; import model.stages instead", DeprecationWarning, stacklevel=2)
