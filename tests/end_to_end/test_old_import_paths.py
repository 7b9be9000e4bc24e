"""Import paths that the documentation taught before keep working, with a warning."""

import sys
from importlib import import_module
from types import ModuleType

import pytest

from model.contract.fields import StageValues
from model.stages import Emit, Field
from training.packaging.log_model import log_model


def import_old(module: str, instead: str) -> ModuleType:
    sys.modules.pop(module, None)
    with pytest.warns(DeprecationWarning, match=f"{module} has moved; import {instead} instead"):
        return import_module(module)


@pytest.mark.parametrize(
    ("module", "names", "instead"),
    [
        ("model.events", {"Tell": Emit}, "model.stages"),
        ("model.field", {"Values": StageValues}, "model.stages"),
        ("training.log", {"log": log_model}, "training.packaging.log_model"),
    ],
)
def test_an_old_import_path_warns_and_gives_the_same(module: str, names: dict[str, object], instead: str) -> None:
    found = import_old(module, instead)
    assert {name: getattr(found, name) for name in names} == names


def test_an_old_field_takes_its_bounds_by_their_old_names() -> None:
    old = import_old("model.field", "model.stages").Field
    assert old("k", "integer", "How many.", least=1, most=50) == Field(
        "k", "integer", "How many.", minimum=1, maximum=50
    )
