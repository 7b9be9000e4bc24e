"""Import paths of earlier documentation: they still work, with a warning."""

import sys
from importlib import import_module
from types import ModuleType

import pytest

from model.contract.fields import StageValues
from model.stages import Emit, Field
from training.packaging.log_model import log_model


def import_old(module: str, replacement: str) -> ModuleType:
    """Import ``module`` again, which has to warn and name its replacement."""
    sys.modules.pop(module, None)
    with pytest.warns(DeprecationWarning, match=f"{module} has moved; import {replacement} instead"):
        return import_module(module)


@pytest.mark.parametrize(
    ("module", "names", "replacement"),
    [
        ("model.events", {"Tell": Emit}, "model.stages"),
        ("model.field", {"Values": StageValues}, "model.stages"),
        ("training.log", {"log": log_model}, "training.packaging.log_model"),
    ],
)
def test_old_import_path_warns_and_gives_the_moved_objects(
    module: str, names: dict[str, object], replacement: str
) -> None:
    old_module = import_old(module, replacement)
    assert {name: getattr(old_module, name) for name in names} == names


def test_field_of_old_path_accepts_its_bounds_by_their_old_names() -> None:
    old_field = import_old("model.field", "model.stages").Field
    assert old_field("k", "integer", "How many.", least=1, most=50) == Field(
        "k", "integer", "How many.", minimum=1, maximum=50
    )
