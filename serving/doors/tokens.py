"""Tokens that open the server, with whose they are and what they allow."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from ..errors import ServingError

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TOKEN_KEYS = {"name", "token", "sha256", "calls_per_minute", "dollars_per_day"}
_MIN_TOKEN_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Token:
    """A token that opens the server.

    Attributes:
        name: Whose token it is, for the audit log.
        digest: SHA-256 of the token, in hexadecimal.
        calls_per_minute: Most calls within a minute; 0 for no limit.
        dollars_per_day: What calls may cost on a day (UTC), as far as prices are known; 0 for no limit.
    """

    name: str
    digest: str
    calls_per_minute: int = 0
    dollars_per_day: float = 0.0


def make_token(name: str, secret: str) -> Token:
    """Return the token with the value ``secret``.

    Raises:
        ServingError: The value is too short to be kept from guessing.
    """
    if len(secret) < _MIN_TOKEN_LENGTH:
        raise ServingError(f"the token of {name} has fewer than {_MIN_TOKEN_LENGTH} characters; make a longer one")
    return Token(name, sha256(secret.encode()).hexdigest())


def read_tokens(file: Path) -> list[Token]:
    """Return the tokens of a YAML file: a list of entries with ``name``, ``token`` or ``sha256``, and limits.

    Raises:
        ServingError: The file cannot be read, or an entry is wrong. The message never contains a token.
    """
    try:
        entries = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise ServingError(f"cannot read tokens from {file.absolute()} ({type(error).__name__})") from None
    if not isinstance(entries, list) or not entries:
        raise ServingError(f"{file.absolute()} contains no tokens; expected a list of entries with name and token")
    tokens = [_parse_token(entry, f"{file.absolute()}, entry {number}") for number, entry in enumerate(entries, 1)]
    if len({token.name for token in tokens}) < len(tokens):
        raise ServingError(f"{file.absolute()}: two tokens have the same name; give each its own")
    return tokens


def _parse_token(entry: Any, location: str) -> Token:  # any YAML
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str) or not entry.keys() <= _TOKEN_KEYS:
        raise ServingError(f"{location}: expected name, token or sha256, calls_per_minute, dollars_per_day")
    if ("token" in entry) == ("sha256" in entry):
        raise ServingError(f"{location}: expected either token or sha256")
    digest = str(entry["sha256"]) if "sha256" in entry else make_token(entry["name"], str(entry["token"])).digest
    if not _DIGEST.fullmatch(digest):
        raise ServingError(f"{location}: sha256 is not 64 hexadecimal digits in lower case")
    calls, dollars = entry.get("calls_per_minute", 0), entry.get("dollars_per_day", 0)
    if not isinstance(calls, int) or not isinstance(dollars, int | float) or calls < 0 or dollars < 0:
        raise ServingError(f"{location}: calls_per_minute and dollars_per_day are numbers from 0")
    return Token(entry["name"], digest, calls, float(dollars))
