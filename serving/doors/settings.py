"""Who may use the doors, and what is noted. The module imports nothing heavy: ``serving up`` starts quickly."""

from collections.abc import Sequence
from dataclasses import dataclass

from .tokens import Token


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """Who may use the doors, and what is noted.

    Attributes:
        allowed_names: Names besides those of this machine by which the server may be called; ``*`` for any name.
        allowed_origins: Origins of other web pages that may call the server (CORS), such as ``https://example.com``.
        tokens: Tokens of which a call needs one; without any, every call may pass.
        trusts_proxy: Whether a proxy in front has authenticated the caller, as that of Databricks Apps does.
        calls_per_minute: Most calls of a client within a minute; 0 for no limit.
        notes_questions: Whether the audit log contains the questions.
    """

    allowed_names: Sequence[str] = ()
    allowed_origins: Sequence[str] = ()
    tokens: Sequence[Token] = ()
    trusts_proxy: bool = False
    calls_per_minute: int = 0
    notes_questions: bool = False
