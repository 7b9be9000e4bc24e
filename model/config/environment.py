"""Read the environment. Each variable of this project is declared here; docs/environment.md is generated from it."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..errors import SettingError

T = TypeVar("T")


def read_text(name: str) -> str:
    """Return the value of the variable ``name``; empty when it is not set."""
    return os.environ.get(name, "")


def read_credential(name: str) -> str:
    """Return the value of ``MULTICHAIN_<name>``, or else of ``name``; empty when neither is set."""
    return os.environ.get(f"MULTICHAIN_{name}") or os.environ.get(name, "")


CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables that name the certificates which OpenSSL trusts."""
_FOREIGN_TRACING = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2")


def describe_foreign_tracing() -> str:
    """Return a sentence on a variable that makes LangChain send what is asked to LangSmith; empty where none is set."""
    name = next((name for name in _FOREIGN_TRACING if read_text(name).lower() in {"true", "1"}), "")
    return (
        f"{name} is set, so LangChain sends questions, passages and answers to LangSmith; unset it to keep them"
        * bool(name)
    )


_TRACE_LIMITS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


def limit_trace_calls() -> None:
    """Bound the calls by which MLflow sends traces, where the user has set no bounds.

    A tracking server may go away between a look at it and a trace, for which MLflow would try for minutes.
    """
    for name, value in _TRACE_LIMITS.items():
        os.environ.setdefault(name, value)


@dataclass(frozen=True, slots=True)
class Variable(Generic[T]):
    """An environment variable of this project.

    Attributes:
        name: Name of the variable.
        parse: Converts the text of the variable; raises ValueError when the text is invalid.
        default: Value when the variable is not set, or empty.
        expected: Valid values in words, for messages and documentation.
        meaning: Effect of the variable, for documentation.
        default_meaning: The default in words, where it is no plain value.
    """

    name: str
    parse: Callable[[str], T]
    default: T
    expected: str
    meaning: str
    default_meaning: str = ""

    def read(self) -> T:
        """Return the value of the variable.

        Raises:
            SettingError: The value is invalid.
        """
        text = read_text(self.name)
        if not text:
            return self.default
        try:
            return self.parse(text)
        except ValueError:
            raise SettingError(f"{self.name} must be {self.expected}") from None


def _parse_count(text: str) -> int:
    if not text.isdecimal():
        raise ValueError
    return int(text)


def _parse_positive_count(text: str) -> int:
    count = _parse_count(text)
    if not count:
        raise ValueError
    return count


def _parse_positive_number(text: str) -> float:
    number = float(text)
    if not number > 0:  # also refuses what is no number (nan)
        raise ValueError
    return number


def _parse_share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise ValueError
    return share


def _parse_flag(text: str) -> bool:
    if text.lower() not in {"1", "true", "0", "false"}:
        raise ValueError
    return text.lower() in {"1", "true"}


DEADLINE_SECONDS = Variable(
    "MULTICHAIN_DEADLINE_SECONDS",
    _parse_positive_number,
    math.inf,
    "a number of seconds above 0",
    "Time that a call has; a stage that is not done by then reports the error `deadline`.",
    "no limit; 280 on an endpoint that `deploy` made",
)
RESPONSE_BYTES: Variable[int | None] = Variable(
    "MULTICHAIN_RESPONSE_BYTES",
    _parse_count,
    None,
    "a number of bytes",
    "Size of the response of a call, all rows together; images are made smaller to fit.",
    "no limit; 1,000,000 on a Model Serving endpoint, 15,000,000 on one that `deploy` made",
)
PICTURES = Variable(
    "MULTICHAIN_PICTURES",
    str,
    "",
    "a folder",
    "Folder or volume that receives the images; the response then contains `url` instead of `image`.",
    "images are part of the response",
)
TRACES = Variable(
    "MULTICHAIN_TRACES",
    _parse_share,
    0.0,
    "a number from 0 to 1",
    "Share of the requests that are traced in MLflow.",
)
TRACES_MASKED = Variable(
    "MULTICHAIN_TRACES_MASKED",
    _parse_flag,
    default=False,
    expected="true or false",
    meaning="Whether a trace contains the lengths of texts in place of the texts.",
)
EVALUATION = Variable(
    "MULTICHAIN_EVALUATION",
    str,
    "",
    "a name",
    "Name of the running evaluation, which its traces have as a tag; set by `training evaluate`.",
)
BATCH_FOLDER = Variable(
    "MULTICHAIN_BATCH",
    str,
    "",
    "a folder",
    "Folder in which paid calls are collected for a Batch API, and its results are; set by `serving batch`.",
    "calls are sent",
)
BATCH_SUFFIX = Variable(
    "MULTICHAIN_BATCH_SUFFIX",
    str,
    "",
    "a text",
    "What the name of a Global Batch deployment has after that of the deployment in the profile, on Azure.",
    "nothing",
)
CACHE_FOLDER = Variable(
    "MULTICHAIN_CACHE",
    str,
    "",
    "a folder",
    "Folder of the response cache, which several processes can share.",
    "the cache is in memory",
)
CACHE_SECONDS = Variable(
    "MULTICHAIN_CACHE_SECONDS",
    _parse_count,
    0,
    "a whole number of seconds",
    "How long replies of each kind are cached at least, whatever the profile says; set by `serving batch`.",
    "what the profile says",
)
CACHE_BYTES: Variable[int | None] = Variable(
    "MULTICHAIN_CACHE_BYTES",
    _parse_positive_count,
    None,
    "a number of bytes above 0",
    "Size of the response cache of each kind of call.",
    "64 MB in memory, 1 GB in a folder",
)
WORKERS = Variable(
    "MULTICHAIN_WORKERS",
    _parse_positive_count,
    1,
    "a whole number above 0",
    "Number of processes that share the limits per minute of `pace`, such as the partitions of a Spark job.",
)
WORKERS_FOLDER = Variable(
    "MULTICHAIN_WORKERS_FOLDER",
    str,
    "",
    "a folder",
    "Folder in which processes note that they call, so that as many share the limits per minute as call at present; "
    "set by `serving batch --spark`.",
    "MULTICHAIN_WORKERS share them",
)
PRICES = Variable(
    "MULTICHAIN_PRICES",
    str,
    "",
    "a YAML file",
    "Catalog of models and prices that replaces model/providers/model_catalog.yaml.",
    "the catalog of the version",
)
SECRET_SCOPE = Variable(
    "MULTICHAIN_SECRET_SCOPE",
    str,
    "",
    "a secret scope",
    "Databricks secret scope for keys and addresses that the environment lacks.",
    "no scope",
)
LOG_LEVEL = Variable(
    "MULTICHAIN_LOG_LEVEL", str, "info", "a level of Python's logging", "Log level of `python -m serving up`."
)
SERVER_TOKEN = Variable(
    "MULTICHAIN_TOKEN",
    str,
    "",
    "a text of 16 characters or more",
    "Token that each call of `python -m serving up` and `app` needs.",
    "calls need no token",
)
APP_ENDPOINT = Variable(
    "MULTICHAIN_ENDPOINT",
    str,
    "",
    "the name of an endpoint",
    "Endpoint of `python -m serving app`, as a Databricks App gets it.",
    "the champion",
)
TRACEBACK = Variable(
    "MULTICHAIN_TRACEBACK",
    bool,
    default=False,
    expected="any text",
    meaning="Whether a command that fails also prints the traceback.",
)


def check_variables() -> None:
    """Raise SettingError when a variable has an invalid value."""
    for variable in VARIABLES:
        variable.read()


VARIABLES: tuple[Variable[Any], ...] = (
    DEADLINE_SECONDS,
    RESPONSE_BYTES,
    PICTURES,
    TRACES,
    TRACES_MASKED,
    EVALUATION,
    BATCH_FOLDER,
    BATCH_SUFFIX,
    CACHE_FOLDER,
    CACHE_SECONDS,
    CACHE_BYTES,
    WORKERS,
    WORKERS_FOLDER,
    PRICES,
    SECRET_SCOPE,
    LOG_LEVEL,
    SERVER_TOKEN,
    APP_ENDPOINT,
    TRACEBACK,
)
"""All variables of this project, in the order of the documentation.

The keys and addresses of the providers are read by transport/credentials.py, with the prefix ``MULTICHAIN_`` first.
"""
