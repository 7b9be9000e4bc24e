"""Refuse vague names: participles, pronouns, adverbs and relative words without another word.

Data are named by a noun of the field, functions by a verb and its object (docs/glossary.md). Only a whole name is
refused: ``cached_reply`` may contain ``cached``, which alone says nothing.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

VAGUE = frozenset(
    """
    again alone anew apart asked began begun came else found given gone got held how kept known least made meant most
    now one other place said seen such taken there thing told tried wanted what who whole wrong
    """.split()  # noqa: SIM905 - easier to read than a list of strings
)
OFFICE = Path("benchmarks/office")
"""Documents of an invented office, source files among them."""
FOLDERS = ("model", "training", "serving", "commandline", "standin", "docs", "examples", "tests", "benchmarks")


def bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each name that a module binds, with its line: functions, classes, arguments, variables and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.lineno, node.name


def main() -> int:
    """Print each vague name with its file and line; return 1 when there are any, else 0."""
    problems = [
        f"{file}:{line}: the name {name} says nothing; see docs/glossary.md"
        for folder in FOLDERS
        for file in sorted(Path(folder).rglob("*.py"))
        for line, name in bound_names(ast.parse(file.read_text("utf-8")))
        if name.strip("_").lower() in VAGUE and not file.is_relative_to(OFFICE)
    ]
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
