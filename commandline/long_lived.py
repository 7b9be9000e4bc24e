"""Spare the garbage collector what lives as long as the process."""

import gc


def spare_collector() -> None:
    """Leave what exists now out of later collections (``gc.freeze``).

    A loaded version and its libraries are hundreds of thousands of objects that never become garbage, and each full
    collection looks at all of them: a third of the CPU time of many small requests. Only for a process of our own: in
    a notebook, garbage that exists now would stay.
    """
    gc.collect()
    gc.freeze()
