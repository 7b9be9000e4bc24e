"""Define what every stage is: declared inputs and outputs, and linear code for one request."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeAlias

from ..config.settings import Dependency
from ..contract.events import Emit
from ..contract.fields import Field, StageValues


class StageName(str, Dependency):
    """Name of a stage in the profile."""

    __slots__ = ()


Fields: TypeAlias = tuple[Field, ...]


class Stage(ABC):
    """One step of the multi-chain.

    A subclass declares its fields once; signature, validation, documentation and examples follow from them. The
    parameters of its constructor are the settings of a profile: plain values, and providers where the annotation is a
    protocol of interfaces.py. The pipeline supplies a parameter that is annotated with Retriever or StageName.

    Attributes:
        inputs: Declared input fields.
        outputs: Declared output fields, beyond those that every stage has.
    """

    inputs: Fields
    outputs: Fields
    is_shared: ClassVar[bool] = False
    """Whether concurrent requests with equal values share one run. A stage with side effects must not."""

    @classmethod
    def declare_fields(cls, name: str, **settings: Any) -> tuple[Fields, Fields]:
        """Return the input and output fields of the stage ``name``.

        Args:
            name: Name of the stage in the profile.
            **settings: The stage's settings.

        Returns:
            Input fields and output fields.

        Raises:
            ProfileError: The settings declare no valid fields.
        """
        return cls.inputs, cls.outputs

    @abstractmethod
    async def run(self, values: StageValues, emit: Emit) -> StageValues:
        """Run the stage for one request.

        Usage and notes are recorded with ``runtime.usage``, mostly by providers.

        Args:
            values: Valid input values; references are filled in.
            emit: Receives tokens and sources while the stage runs.

        Returns:
            The output values, and ``answered_by``.

        Raises:
            MultichainError: The stage failed; the error becomes the stage's ``error`` in this row.
        """
