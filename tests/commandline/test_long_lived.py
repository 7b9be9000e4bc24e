"""What exists when a server begins is left out of later collections; garbage of before is not."""

import gc
import weakref

from commandline.long_lived import spare_collector


class Link:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.own = self


def test_objects_are_spared_and_garbage_is_collected_before() -> None:
    reference = weakref.ref(Link())
    try:
        spare_collector()
        assert reference() is None
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()
