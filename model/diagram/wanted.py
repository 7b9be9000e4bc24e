"""Whether a prompt asks for a diagram: names and what joins them, where the text in the picture must be sharp."""

import re

from . import lists

_WORDS = re.compile(
    r"\b(?:diagram|diagramm|diagrama|diagramme|schem[ae]|schéma|schaubild|organigram\w*|concept(?:ual)? map|mind ?map"
    r"|flow ?chart|work ?flow|org(?:anization)? chart|architecture (?:of|for|overview)|block diagram|timeline"
    r"|state machine|decision tree|data ?flow|er model|uml|infographic)s?\b"
    r"|图表|示意图|流程图|架构图|図解|ダイアグラム|フローチャート|다이어그램|схема|диаграмма|مخطط|आरेख",
    re.IGNORECASE,
)


def wants_diagram(prompt: str) -> bool:
    """Whether its words say so, or it joins names with arrows."""
    return bool(_WORDS.search(prompt)) or lists.arrows(prompt) >= lists.FEWEST
