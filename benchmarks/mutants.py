"""Change one operator, constant or branch of the code at a time, and see whether the tests notice: ``make mutants``.

A seed draws the changes from contract, transport, retrieval and packaging. Each runs the tests that mirror its package,
and then those that cross packages, until one fails. A change that no test notices is printed with its place.
"""

import ast
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SEED, COUNT, WORKERS, SECONDS = 2026, 40, 2, 400
TESTS = {
    "model/contract": [
        "tests/model/test_dataclasses.py",
        "tests/model/contract",
        "tests/model/test_pipeline.py",
        "tests/end_to_end/test_contract.py",
    ],
    "model/transport": [
        "tests/model/test_dataclasses.py",
        "tests/model/transport",
        "tests/model/providers/test_openai_protocol.py",
    ],
    "model/retrieval": ["tests/model/test_dataclasses.py", "tests/model/retrieval", "tests/training/indexing"],
    "training/packaging": ["tests/model/test_dataclasses.py", "tests/training/packaging", "tests/model/stages"],
}
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
}
"""Without division and union: of paths and dicts, their opposites always raise an error, which proves nothing."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed expression of a file.

    Attributes:
        file: Path of the file, from the root.
        line: Line of the expression.
        before: The expression as it is.
        after: The expression after the change.
        code: Source of the changed file.
    """

    file: str
    line: int
    before: str
    after: str
    code: str


def main() -> int:
    """Print the changes that no test noticed; return 1 when they are more than six of forty."""
    random_numbers = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else SEED)
    candidates = [candidate for folder in TESTS for candidate in list_places(folder)]
    mutants = [make_mutant(*candidate) for candidate in random_numbers.sample(candidates, COUNT)]
    with ThreadPoolExecutor(WORKERS) as pool:
        noticed = list(pool.map(is_noticed, mutants))
    for mutant, killed in zip(mutants, noticed, strict=True):
        outcome = "noticed" if killed else "SURVIVED"
        print(f"{outcome:9} {mutant.file}:{mutant.line}: {mutant.before} → {mutant.after}")
    print(f"{sum(noticed)} of {len(mutants)} changes were noticed")
    return sum(noticed) < COUNT - 6


def list_places(folder: str) -> Iterator[tuple[str, int]]:
    """Yield each file of a folder with the number of an expression that can be changed."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        nodes = _changeable_nodes(ast.parse(path.read_text("utf-8")))
        yield from ((name, number) for number, _ in enumerate(nodes))


def make_mutant(file: str, number: int) -> Mutant:
    """Return the file with one expression changed."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    node = _changeable_nodes(tree)[number]
    before = ast.unparse(node)
    _change(node)
    after = ast.unparse(node)
    return Mutant(file, node.lineno, before.splitlines()[0], after.splitlines()[0], ast.unparse(tree))


def is_noticed(mutant: Mutant) -> bool:
    """Return whether a test fails with the changed file, in a copy of the project."""
    with tempfile.TemporaryDirectory(prefix="multichain-mutant-") as folder:
        copy = Path(folder) / "project"
        ignored = shutil.ignore_patterns(".venv*", "node_modules", ".git", "mlruns", ".*cache")
        shutil.copytree(ROOT, copy, ignore=ignored)
        (copy / mutant.file).write_text(mutant.code, "utf-8")
        tests = next(tests for folder, tests in TESTS.items() if mutant.file.startswith(folder))
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]
        try:
            ended = subprocess.run(command, cwd=copy, capture_output=True, check=False, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return True  # a change that never ends is seen
        return ended.returncode != 0


def _changeable_nodes(tree: ast.AST) -> list[ast.expr]:
    """Return the expressions that ``_change`` can change, except in annotations and docstrings."""
    annotations = {
        id(inner)
        for node in ast.walk(tree)
        for part in ("annotation", "returns")
        if (annotation := getattr(node, part, None)) is not None
        for inner in ast.walk(annotation)
    }
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and id(node) not in annotations and _is_changeable(node)
    ]


def _is_changeable(node: ast.expr) -> bool:
    match node:
        case ast.Compare(ops=[operator]):
            return type(operator) in _COMPARISONS
        case ast.BinOp(op=operator):
            return type(operator) in _OPERATORS and not _is_text(node)
        case ast.Constant(value=bool() | int() | float()):
            return True
        case ast.BoolOp() | ast.UnaryOp(op=ast.Not()) | ast.IfExp():
            return True
    return False


def _is_text(node: ast.BinOp) -> bool:
    return any(isinstance(side, ast.JoinedStr | ast.Constant) for side in (node.left, node.right))


def _change(node: ast.expr) -> None:
    """Change a node in place: the opposite operator, another number, or the other branch."""
    match node:
        case ast.Compare(ops=[operator]):
            node.ops = [_COMPARISONS[type(operator)]()]
        case ast.BinOp(op=operator):
            node.op = _OPERATORS[type(operator)]()
        case ast.Constant(value=bool(value)):
            node.value = not value
        case ast.Constant(value=int() | float() as value):
            node.value = value + 1
        case ast.BoolOp(op=operator):
            node.op = ast.And() if isinstance(operator, ast.Or) else ast.Or()
        case ast.UnaryOp(operand=operand):
            node.operand = ast.UnaryOp(ast.Not(), operand)
        case ast.IfExp(body=body, orelse=orelse):
            node.body, node.orelse = orelse, body


if __name__ == "__main__":
    sys.exit(main())
