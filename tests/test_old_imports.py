"""Import paths that the documentation taught before keep working, with a warning."""

import sys
from importlib import import_module

import pytest

from model.stages import Field, Tell, Values
from training.packaging.log_model import log


@pytest.mark.parametrize(
    ("module", "names", "instead"),
    [
        ("model.events", {"Tell": Tell}, "model.stages"),
        ("model.field", {"Field": Field, "Values": Values}, "model.stages"),
        ("training.log", {"log": log}, "training.packaging.log_model"),
    ],
)
def test_an_old_import_path_warns_and_gives_the_same(module: str, names: dict[str, object], instead: str) -> None:
    sys.modules.pop(module, None)
    with pytest.warns(DeprecationWarning, match=f"{module} has moved; import {instead} instead"):
        found = import_module(module)
    assert {name: getattr(found, name) for name in names} == names
