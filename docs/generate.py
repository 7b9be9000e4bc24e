"""Write the parts of the documentation and environment that repeat the code: tables between marks, and conda.yaml."""

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from model.config import environment
from model.config.settings import Factory, list_settings
from model.contract import description
from model.contract.fields import Field
from model.contract.stage_contract import META_FIELDS
from model.errors import CommandError, DocumentError, IndexFolderError, MultichainError, ProfileError
from model.profile import Profile
from model.providers import PROVIDERS, load_provider
from model.providers.openai_protocol.images import REQUIRED_BY_WAY
from model.runtime.usage import NOTE_CODES
from training.documents.loaders import LOADERS
from training.documents.spark_tables import SUFFIX
from training.evaluation.metrics import METRICS
from training.packaging.requirements import pin_closure
from training.verification.contract_cases import CASES, EMPTY_INPUTS, OUTCOME_RAN

from . import profile_reference

ROOT = Path(__file__).parent.parent
_ERRORS_OF_COMMANDS = {CommandError, DocumentError, IndexFolderError, ProfileError}
PROVIDER_FACTS = {
    "offline": ("yes, a quotation at a time", "none are used", "none"),
    "openai": ("yes", "yes", "`OPENAI_API_KEY`; `OPENAI_BASE_URL` for another address"),
    "azure": ("yes", "yes", "`AZURE_OPENAI_ENDPOINT`; `AZURE_OPENAI_API_KEY`, or Entra ID"),
    "databricks": (
        "yes",
        "yes, but not of streamed replies",
        "`DATABRICKS_HOST` and `DATABRICKS_TOKEN`, or whatever else Databricks' SDK finds",
    ),
    "compatible": ("yes", "yes", "`COMPATIBLE_API_KEY`, if it asks for one; `COMPATIBLE_BASE_URL`"),
    "sentence_transformers": ("", "none are paid for", "none; the extra `sentence-transformers`"),
    "langchain": ("as the class does", "of chat, where the class tells them", "those of the class"),
}
"""Streaming, token counts and credentials of each provider."""
_NAME = re.compile(r"^[A-Za-z0-9_.-]+")


def render_documents() -> str:
    """Return docs/documents.md with its current table."""
    return _replace_between_marks((ROOT / "docs" / "documents.md").read_text("utf-8"), "kinds", _list_loaders())


def _list_loaders() -> Iterator[str]:
    yield "| kind | suffixes | what is read | what is not | packages |"
    yield "| --- | --- | --- | --- | --- |"
    for loader in LOADERS:
        suffixes = "" if loader.suffixes == (SUFFIX,) else ", ".join(f"`{suffix}`" for suffix in loader.suffixes)
        yield f"| {loader.kind} | {suffixes} | {loader.reads} | {loader.omits} | {', '.join(loader.packages)} |"


def render_contract() -> str:
    """Return docs/contract.md with its current tables."""
    text = (ROOT / "docs" / "contract.md").read_text("utf-8")
    for mark, table in (
        ("errors", _list_errors()),
        ("notes", _list_notes()),
        ("fields", _list_fields()),
        ("cases", _list_cases()),
        ("empty", _list_empty_inputs()),
    ):
        text = _replace_between_marks(text, mark, table)
    return text


def _replace_between_marks(text: str, mark: str, lines: Iterable[str]) -> str:
    """Return ``text`` with ``lines`` in place of the text between the two comments of ``mark``."""
    begin, end = f"<!-- {mark}, from make docs -->", f"<!-- end of {mark} -->"
    before, _, rest = text.partition(begin)
    return before + begin + "\n" + "\n".join(lines) + "\n" + end + rest.partition(end)[2]


def _list_providers() -> Iterator[str]:
    columns = ("provider", "chat", "embeddings", "images", "streaming", "token counts", "credentials")
    yield f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}"
    for name in PROVIDERS:
        factories = load_provider(name).factories
        cells = ["yes" if role in factories else "no" for role in ("chat", "embeddings")]
        yield f"| `{name}` | {' | '.join([*cells, _list_ways(factories), *PROVIDER_FACTS[name]])} |"


def _list_ways(factories: Mapping[str, Factory]) -> str:
    """Return the ways in which a provider makes pictures."""
    if "images" not in factories:
        return "no"
    has_ways = "way" in list_settings(factories["images"])
    return ", ".join(way for way in REQUIRED_BY_WAY if way != "auto") if has_ways else "diagram"


def render_providers() -> str:
    """Return docs/providers.md with its current table."""
    return _replace_between_marks((ROOT / "docs" / "providers.md").read_text("utf-8"), "providers", _list_providers())


def render_profile() -> str:
    """Return docs/profile.md with its current tables."""
    text = (ROOT / "docs" / "profile.md").read_text("utf-8")
    for mark, lines in (
        ("index", profile_reference.list_index_settings()),
        ("stages", profile_reference.list_stage_settings()),
        ("providers", profile_reference.list_provider_settings()),
        ("pace", profile_reference.list_pace_settings()),
    ):
        text = _replace_between_marks(text, mark, lines)
    return text


def render_environment() -> str:
    """Return docs/environment.md with its current table."""
    rows = [
        f"| `{variable.name}` | {variable.expected} | {variable.default_meaning or _format_default(variable.default)} "
        f"| {variable.meaning} |"
        for variable in environment.VARIABLES
    ]
    text = (ROOT / "docs" / "environment.md").read_text("utf-8")
    heads = "| variable | value | default | meaning |\n| --- | --- | --- | --- |"
    return _replace_between_marks(text, "variables", [heads, *rows])


def _format_default(default: object) -> str:
    return (
        str(default).lower()
        if isinstance(default, bool)
        else f"{default:g}"
        if isinstance(default, float)
        else str(default)
    )


def render_champion() -> str:
    """Return docs/champion.md with its current table."""
    rows = [f"| `{name}` | {measure.description} |" for name, measure in METRICS.items()]
    text = (ROOT / "docs" / "champion.md").read_text("utf-8")
    return _replace_between_marks(text, "measures", ["| metric | meaning |\n| --- | --- |", *rows])


def render_conda() -> str:
    """Return conda.yaml: Python and Java from conda-forge, and the project's dependencies pinned as in the lock."""
    pins = _list_pins("requirements.lock", "spark")
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


def render_job_lock() -> str:
    """Return requirements-job.lock for jobs on Databricks, where Spark is installed and needs pandas below 3."""
    return "\n".join(_list_pins("requirements-compat.lock", "documents")) + "\n"


_APP_DISTRIBUTIONS = (
    "cachetools",
    "click",
    "cryptography",
    "databricks-sdk",
    "filelock",
    "mcp",
    "mlflow-skinny",
    "prometheus-client",
    "pyyaml",
    "requests",
    "sse-starlette",
    "starlette",
    "tenacity",
    "uvicorn",
)
"""What ``serving app`` imports when it asks an endpoint; mlflow-skinny for feedback."""


def render_app_requirements() -> str:
    """Return requirements.txt of the Databricks App: what ``serving app`` needs, with all that this requires."""
    head = "# What the Databricks App of app.yaml installs; the project's own locks are requirements*.lock.\n"
    return head + "\n".join(pin_closure(_APP_DISTRIBUTIONS)) + "\n"


def _list_pins(lock: str, extra: str) -> list[str]:
    """Return the project's direct dependencies, and those of an extra, as a lock pins them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = project["dependencies"] + project["optional-dependencies"][extra]
    names = {match[0].lower() for match in map(_NAME.match, requirements) if match}
    pins = [words[0] for words in map(str.split, (ROOT / lock).read_text("utf-8").splitlines()) if "==" in words[0]]
    return [pin for pin in pins if pin.partition("==")[0] in names]


def _list_errors() -> Iterator[str]:
    """Yield the table of the error codes that a response can carry."""
    yield "| code | meaning | can succeed later |\n| --- | --- | --- |"
    for error in _list_error_classes(MultichainError):
        meaning = (error.__doc__ or "").split("\n\n")[0].replace("``", "`")
        yield f"| `{error.code}` | {meaning} | {'yes' if error.is_retryable else 'no'} |"


def _list_error_classes(parent: type[MultichainError]) -> Iterator[type[MultichainError]]:
    """Yield the classes that define a code of their own, without those that only commands raise."""
    for error in parent.__subclasses__():
        if "code" in vars(error) and error not in _ERRORS_OF_COMMANDS:
            yield error
        yield from _list_error_classes(error)


def _list_notes() -> Iterator[str]:
    yield "| code | meaning |\n| --- | --- |"
    for code, meaning in NOTE_CODES.items():
        yield f"| `{code}` | {meaning} |"


def _list_fields() -> Iterator[str]:
    for name, stage in Profile.read("offline").contract.stages.items():
        yield f"\n**Inputs of `{name}`**\n"
        yield from _list_rows(stage.input_fields)
        yield f"\n**Outputs of `{name}`**\n"
        yield from _list_rows(stage.output_fields)
    yield "\n**Fields of `meta`**\n"
    yield from _list_rows(META_FIELDS)


def _list_rows(fields: tuple[Field, ...]) -> Iterator[str]:
    yield "| field | kind | meaning |\n| --- | --- | --- |"
    for field in fields:
        required = " Required." if field.required else ""
        bounds = f" {field.expectation.capitalize()}." if field.maximum or field.choices else ""
        yield f"| `{field.name}` | {field.kind} | {field.description}{bounds}{required} |"
        for inner in field.fields:
            inner_bounds = f" {inner.expectation.capitalize()}." if inner.maximum else ""
            yield f"| `{field.name}.{inner.name}` | {inner.kind} | {inner.description}{inner_bounds} |"


def _list_cases() -> Iterator[str]:
    yield "| case | request | outcome |\n| --- | --- | --- |"
    for case in CASES:
        rows = "<br>".join(f"`{_format_value(row)}`" for row in case.rows)
        refused = "; one object alone: HTTP 400" if case.can_be_single and case.is_refused else ""
        outcomes = "<br>".join(_format_outcome(outcome) for outcome in case.outcomes)
        yield f"| {case.name} | {rows} | {outcomes}{refused} |"


def _list_empty_inputs() -> Iterator[str]:
    yield "| case | outcome |\n| --- | --- |"
    for name, _, refused in EMPTY_INPUTS:
        yield f"| {name} | {'HTTP 400' if refused else '`[]`'} |"


def _format_outcome(outcome: dict[str, str]) -> str:
    return (
        ", ".join(f"{name} ran" if text == OUTCOME_RAN else f"`{text}`" for name, text in outcome.items())
        or "nothing ran"
    )


def _format_value(value: object) -> str:
    """Return a value as a reader would type it: JSON, and Python for values that JSON does not have."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_format_value(cell)}" for key, cell in value.items()) + "}"
    if isinstance(value, np.ndarray | np.generic):
        return f"np.{type(value).__name__.removeprefix('nd')}({json.dumps(value.tolist())})"
    if value is pd.NA:
        return "pd.NA"
    if isinstance(value, str) and len(value) > 1000:  # noqa: PLR2004 - one case has a very long text
        return f'"x" * {len(value)}'
    text = json.dumps(value)
    return {"NaN": "np.nan"}.get(text, text.replace("|", "\\|"))


def render_readme() -> str:
    """Return README.md with the current drawing of the offline profile."""
    drawing = description.describe_contract(Profile.read("offline").contract)["mermaid"]
    return _replace_between_marks((ROOT / "README.md").read_text("utf-8"), "pipeline", [f"```mermaid\n{drawing}\n```"])


FILES: dict[str, Any] = {
    "docs/contract.md": render_contract,
    "docs/documents.md": render_documents,
    "docs/providers.md": render_providers,
    "docs/profile.md": render_profile,
    "docs/environment.md": render_environment,
    "docs/champion.md": render_champion,
    "conda.yaml": render_conda,
    "requirements-job.lock": render_job_lock,
    "requirements.txt": render_app_requirements,
    "README.md": render_readme,
}

if __name__ == "__main__":
    for file, make in FILES.items():
        (ROOT / file).write_text(make(), "utf-8")
        sys.stdout.write(f"{ROOT / file}\n")
