"""Write the parts of the documentation and environment that repeat the code: tables between marks, and conda.yaml."""

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from model.contract import description
from model.contract.fields import Field
from model.contract.stage_contract import META_FIELDS
from model.profile import Profile
from model.providers import MODULES, load_provider
from model.providers.openai_protocol.images import REQUIRED_BY_WAY
from training.evaluation.metrics import METRICS
from training.verification.contract_cases import CASES, EMPTY_INPUTS, OUTCOME_RAN

ROOT = Path(__file__).parent.parent
_NAME = re.compile(r"^[A-Za-z0-9_.-]+")


def contract() -> str:
    """Return docs/contract.md with its current tables."""
    text = (ROOT / "docs" / "contract.md").read_text("utf-8")
    for mark, table in (("fields", _fields()), ("cases", _cases()), ("empty", _empty())):
        text = _marked(text, mark, table)
    return text


def _marked(text: str, mark: str, lines: Iterable[str]) -> str:
    """Return ``text`` with ``lines`` in place of the text between the two comments of ``mark``."""
    begin, end = f"<!-- {mark}, from make docs -->", f"<!-- end of {mark} -->"
    before, _, rest = text.partition(begin)
    return before + begin + "\n" + "\n".join(lines) + "\n" + end + rest.partition(end)[2]


def _providers() -> Iterator[str]:
    columns = ("provider", "chat", "embeddings", "images", "streaming", "token counts", "credentials")
    yield f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}"
    for name in MODULES:
        module = load_provider(name)
        cells = [_cell(module, "chat"), _cell(module, "embeddings"), _pictures(module)]
        offer = module.OFFER
        facts = [offer.streaming if cells[0] == "yes" else "", offer.tokens, offer.credentials]
        yield f"| `{name}` | {' | '.join(cells + facts)} |"


def _cell(module: ModuleType, role: str) -> str:
    return "yes" if hasattr(module, role) else "no"


def _pictures(module: ModuleType) -> str:
    """Return the ways in which a provider makes pictures."""
    if not hasattr(module, "images"):
        return "no"
    return (
        ", ".join(way for way in REQUIRED_BY_WAY if way != "auto")
        if "way" in signature(module.images).parameters
        else "diagram"
    )


def providers() -> str:
    """Return docs/providers.md with its current table."""
    return _marked((ROOT / "docs" / "providers.md").read_text("utf-8"), "providers", _providers())


def champion() -> str:
    """Return docs/champion.md with its current table."""
    rows = [f"| `{name}` | {measure.description} |" for name, measure in METRICS.items()]
    text = (ROOT / "docs" / "champion.md").read_text("utf-8")
    return _marked(text, "measures", ["| measure | meaning |\n| --- | --- |", *rows])


def conda() -> str:
    """Return conda.yaml: Python and Java from conda-forge, and the project's dependencies pinned as in the lock."""
    pins = _pins("requirements.lock", "spark")
    head = ["# Made by make docs from pyproject.toml and requirements.lock.", "name: multichain"]
    head += [
        "channels:",
        "  - conda-forge",
        "dependencies:",
        "  - python=3.11",
        "  - openjdk=17",
        "  - pip",
        "  - pip:",
    ]
    return "\n".join(head + [f"      - {pin}" for pin in pins] + ["      - -e ."]) + "\n"


def job() -> str:
    """Return requirements-job.lock for jobs on Databricks, where Spark is installed and needs pandas below 3."""
    return "\n".join(_pins("requirements-compat.lock", "documents")) + "\n"


def _pins(lock: str, extra: str) -> list[str]:
    """Return the project's direct dependencies, and those of an extra, as a lock pins them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = project["dependencies"] + project["optional-dependencies"][extra]
    names = {match[0].lower() for match in map(_NAME.match, requirements) if match}
    return [pin for pin in (ROOT / lock).read_text("utf-8").split() if pin.partition("==")[0] in names]


def _fields() -> Iterator[str]:
    for name, stage in Profile.read("offline").contract.stages.items():
        yield f"\n**Inputs of `{name}`**\n"
        yield from _table(stage.input_fields)
        yield f"\n**Outputs of `{name}`**\n"
        yield from _table(stage.output_fields)
    yield "\n**Fields of `meta`**\n"
    yield from _table(META_FIELDS)


def _table(fields: tuple[Field, ...]) -> Iterator[str]:
    yield "| field | kind | meaning |\n| --- | --- | --- |"
    for field in fields:
        required = " Required." if field.required else ""
        bounds = f" {field.expectation.capitalize()}." if field.maximum or field.choices else ""
        yield f"| `{field.name}` | {field.kind} | {field.description}{bounds}{required} |"
        for inner in field.fields:
            yield f"| `{field.name}.{inner.name}` | {inner.kind} | {inner.description} |"


def _cases() -> Iterator[str]:
    yield "| case | request | outcome |\n| --- | --- | --- |"
    for case in CASES:
        rows = "<br>".join(f"`{_shown(row)}`" for row in case.rows)
        refused = "; one object alone: HTTP 400" if case.can_be_single and case.is_refused else ""
        outcomes = "<br>".join(_outcome(outcome) for outcome in case.outcomes)
        yield f"| {case.name} | {rows} | {outcomes}{refused} |"


def _empty() -> Iterator[str]:
    yield "| case | outcome |\n| --- | --- |"
    for name, _, refused in EMPTY_INPUTS:
        yield f"| {name} | {'HTTP 400' if refused else '`[]`'} |"


def _outcome(outcome: dict[str, str]) -> str:
    return (
        ", ".join(f"{name} ran" if text == OUTCOME_RAN else f"`{text}`" for name, text in outcome.items())
        or "nothing ran"
    )


def _shown(value: object) -> str:
    """Return a value as a reader would type it: JSON, and Python for values that JSON does not have."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_shown(cell)}" for key, cell in value.items()) + "}"
    if isinstance(value, np.ndarray | np.generic):
        return f"np.{type(value).__name__.removeprefix('nd')}({json.dumps(value.tolist())})"
    if value is pd.NA:
        return "pd.NA"
    if isinstance(value, str) and len(value) > 1000:  # noqa: PLR2004 - one case has a very long text
        return f'"x" * {len(value)}'
    text = json.dumps(value)
    return {"NaN": "np.nan"}.get(text, text.replace("|", "\\|"))


def readme() -> str:
    """Return README.md with the current drawing of the offline profile."""
    drawing = description.describe_contract(Profile.read("offline").contract)["mermaid"]
    return _marked((ROOT / "README.md").read_text("utf-8"), "pipeline", [f"```mermaid\n{drawing}\n```"])


FILES: dict[str, Any] = {
    "docs/contract.md": contract,
    "docs/providers.md": providers,
    "docs/champion.md": champion,
    "conda.yaml": conda,
    "requirements-job.lock": job,
    "README.md": readme,
}

if __name__ == "__main__":
    for file, make in FILES.items():
        (ROOT / file).write_text(make(), "utf-8")
        sys.stdout.write(f"{ROOT / file}\n")
