"""Run any LangChain Runnable as a stage: by import path, or a pickled object that the profile opts into by name."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import environment, import_paths
from ..contract import json_schema
from ..contract.events import Emit, discard
from ..contract.fields import StageValues
from ..errors import ProfileError, StageFailedError
from .base import Fields, Stage, StageName

if TYPE_CHECKING:  # its import takes half a second, which a profile without a Runnable does not pay
    from langchain_core.runnables import Runnable as LangChainRunnable

PICKLES = Path(__file__).parent.parent / "runnables"
"""Folder in which a version keeps the objects that were given when it was logged."""


class RunnableStage(Stage):
    """Call a Runnable with the inputs as a dict, or with the bare value of a single input called ``input``.

    An output that is no dict becomes the one output field.
    """

    def __init__(
        self,
        name: StageName,
        runnable: str = "",
        cloudpickle: str = "",
        inputs: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
        requires: list[str] | None = None,
    ) -> None:
        """Make the stage.

        Args:
            name: Name of the stage.
            runnable: Import path of the Runnable, ``package.module:name``.
            cloudpickle: Name of an object that was given when the version was logged, instead of ``runnable``.
            inputs: Input fields as ``{name: kind}``; taken from the Runnable's schema when absent.
            outputs: Output fields as ``{name: kind}``; taken from the Runnable's schema when absent.
            requires: Distributions that a version with this stage needs.

        Raises:
            ProfileError: The object cannot be loaded, or is neither a Runnable nor a function.
        """
        self._name, self._description = name, runnable or f"cloudpickle:{cloudpickle}"
        self._runnable = _load_runnable(runnable, cloudpickle)
        self.inputs, self.outputs = _declared_fields(self._runnable, inputs, outputs)

    @classmethod
    def declare_fields(cls, name: str, **settings: Any) -> tuple[Fields, Fields]:
        """Return the declared fields, or those of the Runnable's schema.

        Args:
            name: Name of the stage.
            **settings: The stage's settings.

        Returns:
            Input fields and output fields.

        Raises:
            ProfileError: The Runnable cannot be loaded, or its schema fits no contract.
        """
        stage = cls(StageName(name), **settings)
        return stage.inputs, stage.outputs

    async def run(self, values: StageValues, emit: Emit) -> StageValues:
        """Call the Runnable; a single text output is streamed when somebody listens.

        Args:
            values: The Runnable's inputs.
            emit: Receives the pieces of a single text output.

        Returns:
            The Runnable's outputs.

        Raises:
            StageFailedError: The output does not fit the declared fields.
        """
        is_single_input = [field.name for field in self.inputs] == ["input"]
        runnable_input = values["input"] if is_single_input else values
        streams = emit is not discard and len(self.outputs) == 1 and self.outputs[0].kind == "text"
        from ..runtime import langchain_usage  # LangChain, half a second, which this stage has paid already

        with langchain_usage.count_langchain_usage():
            output = (
                await self._stream(runnable_input, emit) if streams else await self._runnable.ainvoke(runnable_input)
            )
        return self._output_fields(output) | {"answered_by": f"runnable:{self._description}"}

    async def _stream(self, runnable_input: object, emit: Emit) -> object:
        output: Any = None
        async for piece in self._runnable.astream(runnable_input):
            emit("token", _message_text(piece))
            output = piece if output is None else output + piece
        return output

    def _output_fields(self, output: object) -> StageValues:
        if isinstance(output, dict):
            return {field.name: output.get(field.name) for field in self.outputs}
        if len(self.outputs) != 1:
            raise StageFailedError(
                f"{self._name}: the Runnable declares several outputs and returned no dict; "
                "return one with a key for each output"
            )
        return {self.outputs[0].name: _message_text(output) if self.outputs[0].kind == "text" else output}


def _load_runnable(runnable: str, cloudpickle: str) -> "LangChainRunnable[Any, Any]":
    if bool(runnable) == bool(cloudpickle):
        raise ProfileError("name either runnable (an import path) or cloudpickle (an object given to log)")
    loaded: Any = import_paths.load_object(runnable) if runnable else _unpickle(cloudpickle)
    from langchain_core.runnables.base import coerce_to_runnable

    try:
        runnable_object: LangChainRunnable[Any, Any] = coerce_to_runnable(loaded)
    except TypeError:
        raise ProfileError(f"{runnable or cloudpickle} is neither a LangChain Runnable nor a function") from None
    return runnable_object


def _unpickle(name: str) -> Any:  # whatever was pickled
    file = PICKLES / f"{name}.cloudpickle"
    if environment.read_text("MLFLOW_ALLOW_PICKLE_DESERIALIZATION").lower() not in {"", "true", "1"}:
        raise ProfileError(
            f"the object {name} is pickled, and MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false forbids to load it; "
            "allow it if you trust this version, or log it by import path"
        )
    if not file.is_file():
        raise ProfileError(
            f"the object {name} is not here; give it as "
            f"training.packaging.log_model.log_model(profile, index, runnables={{{name!r}: …}})"
        )
    import cloudpickle

    return cloudpickle.loads(file.read_bytes())


def _declared_fields(
    runnable: Any, inputs: dict[str, Any] | None, outputs: dict[str, Any] | None
) -> tuple[Fields, Fields]:
    input_fields = (
        json_schema.parse_declarations(inputs, required=True)
        if inputs
        else json_schema.parse_json_schema(runnable.get_input_jsonschema(), "input")
    )
    output_fields = (
        json_schema.parse_declarations(outputs, required=False)
        if outputs
        else json_schema.parse_json_schema(runnable.get_output_jsonschema(), "output")
    )
    return input_fields, output_fields


def _message_text(value: object) -> object:
    """Return the text of a chat model's message."""
    text = getattr(value, "text", value)
    return str(text) if isinstance(text, str) else text
