"""Parse YAML into texts, lists and objects, in linear time and without expanding aliases."""

import re
from itertools import accumulate
from typing import Any

import yaml

from model.errors import DocumentError

_MAX_NESTING = 100
_BRACKET = re.compile(r"[\[\]{}]")


class _AliasKeepingLoader(yaml.BaseLoader):
    """Makes texts alone, and of an alias its name: aliases of aliases would grow without bound."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()  # type: ignore[no-untyped-call]
            return yaml.ScalarNode("tag:yaml.org,2002:str", f"*{event.anchor}", event.start_mark, event.end_mark)
        return super().compose_node(parent, index)


def parse_yaml(text: str) -> list[Any]:
    """Return the documents of a YAML text. Each value is a text, a list or an object.

    Raises:
        DocumentError: The text is not YAML, or its values are nested too deeply.
    """
    depths = accumulate((1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(text)), initial=0)
    if max(depths) > _MAX_NESTING:  # PyYAML takes quadratic time for brackets inside each other
        raise DocumentError(f"the values of the file are nested more than {_MAX_NESTING} deep")
    try:
        return list(yaml.load_all(text, Loader=_AliasKeepingLoader))
    except (yaml.YAMLError, RecursionError):
        raise DocumentError("the file is not YAML") from None
