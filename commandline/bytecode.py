"""Find compiled Python files that are not what Python makes of the source beside them.

Python executes a compiled file in place of its source, so a version's ``__pycache__`` can hold other code than its
source shows. What Python itself wrote there is equal to a new compilation.
"""

import importlib.util
import marshal
import re
from collections.abc import Iterator
from pathlib import Path

_HEADER_BYTES = 16
"""Length of the header before the code object (PEP 552)."""
_OPTIMIZED = re.compile(r"\.opt-([12])\.pyc$")


def find_foreign_bytecode(folder: Path) -> Iterator[Path]:
    """Yield the compiled files below ``folder`` that this Python would execute, and that its source does not give.

    Args:
        folder: Folder with sources and their ``__pycache__``.
    """
    for file in sorted(folder.rglob("*.pyc")):
        if not _is_compiled_source(file):
            yield file


def _is_compiled_source(file: Path) -> bool:
    content = file.read_bytes()
    if content[: len(importlib.util.MAGIC_NUMBER)] != importlib.util.MAGIC_NUMBER:
        return True  # of another Python, which this one never executes
    try:
        source = Path(importlib.util.source_from_cache(str(file)))
        level = _OPTIMIZED.search(file.name)
        compiled = compile(
            source.read_bytes(), str(source), "exec", dont_inherit=True, optimize=int(level[1]) if level else 0
        )
        return bool(marshal.loads(content[_HEADER_BYTES:]) == compiled)  # noqa: S302 - makes a code object, runs nothing
    except (ValueError, OSError, SyntaxError, EOFError, TypeError):
        return False
