"""Read a YAML file and remember the line of each entry."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ..errors import ProfileError


class YamlFile:
    """The content of a YAML file as plain ``values``, with the line of each entry."""

    def __init__(self, file: Path) -> None:
        """Read ``file``.

        Raises:
            ProfileError: The file is no YAML, or a key occurs twice. The message names the line.
        """
        self._file = file
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError:
            raise ProfileError(f"{file}: the file is not UTF-8 text") from None
        try:
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
            self.values: Any = yaml.safe_load(text)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ProfileError(f"{file}:{line}: the file is not YAML: {error.problem}") from None
        except yaml.YAMLError:
            raise ProfileError(f"{file}: the file contains characters that YAML does not allow") from None
        except (ValueError, RecursionError):  # such as the date 2024-13-45, or an alias inside its own anchor
            raise ProfileError(f"{file}: a value cannot be read; put dates and texts in quotes") from None
        for key in _duplicate_keys(self._root):
            raise ProfileError(
                f"{file}:{key.start_mark.line + 1}: {key.value} is there twice; give one of them another name"
            )

    def locate(self, *path: str) -> str:
        """Return ``file:line`` of the entry at ``path``, or of the nearest entry above it that exists."""
        node, line = self._root, 1
        for name in path:
            entries = node.value if isinstance(node, yaml.MappingNode) else []
            entry = next(((key, value) for key, value in entries if key.value == str(name)), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line + 1, entry[1]
        return f"{self._file}:{line}"


def _duplicate_keys(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """Yield the keys that occur a second time in one mapping."""
    if not isinstance(node, yaml.CollectionNode):
        return
    visited = set()
    for entry in node.value:
        key, value = entry if isinstance(node, yaml.MappingNode) else (None, entry)
        if key is not None and key.value in visited:
            yield key
        visited.add(key.value if key is not None else None)
        yield from _duplicate_keys(value)
