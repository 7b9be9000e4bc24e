"""What every stage is: declared inputs and outputs, and linear code for one request."""

from abc import ABC, abstractmethod
from typing import ClassVar

from ..contract import Field, Values


class Stage(ABC):
    """One step of the multi-chain.

    A subclass declares its fields once; signature, validation, documentation and example follow from them.
    """

    inputs: ClassVar[tuple[Field, ...]]
    outputs: ClassVar[tuple[Field, ...]]

    @abstractmethod
    async def run(self, values: Values) -> Values:
        """The output fields for ``values``, which are valid: the declared ones, ``answered_by`` and ``usage``.

        Raises MultichainError, which becomes this stage's ``error`` in this row.
        """
