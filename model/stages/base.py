"""What every stage is: declared inputs and outputs, and linear code for one request."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeAlias

from ..contract.events import Emit
from ..contract.fields import Field, StageValues

Fields: TypeAlias = tuple[Field, ...]


class Stage(ABC):
    """One step of the multi-chain.

    A subclass declares its fields once; signature, validation, documentation and example follow from them. What
    its constructor takes are the settings of a profile: plain values, providers by their role (``chat``,
    ``images``), and ``retriever``, which every stage can ask for.
    """

    inputs: Fields
    outputs: Fields
    is_shared: ClassVar[bool] = False
    """Whether requests that ask it the same at the same time get one answer: nothing else comes of running it."""

    @classmethod
    def declare_fields(cls, name: str, **settings: Any) -> tuple[Fields, Fields]:  # noqa: ARG003 - for those that need them
        """The inputs and outputs of the stage ``name`` with these settings."""
        return cls.inputs, cls.outputs

    @abstractmethod
    async def run(self, values: StageValues, emit: Emit) -> StageValues:
        """The output fields for ``values``, which are valid: the declared ones and ``answered_by``.

        What it used and what is to be noted goes to the account (account.py), mostly in its providers. It may ``tell``
        tokens and sources on the way. Raises MultichainError, which becomes this stage's ``error`` in this row.
        """
