"""Arguments of the server's process. The module imports nothing heavy, so that ``serving up`` starts quickly."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Arguments of the server's process.

    Attributes:
        target: What is served: URI or folder of a version, or a target of ``serving app``.
        host: Address to listen on.
        port: Port to listen on.
        grace: Seconds after a signal within which requests under way may still be answered.
        log_level: Level of the log.
        allowed_names: Names besides those of this machine by which the server may be called.
        allowed_origins: Origins of other web pages that may call the server.
        tokens: Fields of the tokens (doors/access.py) of which a call needs one; none for a server that is open.
        trusts_proxy: Whether a proxy in front has authenticated the caller.
        calls_per_minute: Most calls of a client within a minute; 0 for no limit.
        notes_questions: Whether the audit log contains the questions.
        public_key: PEM file of the key by which the version must be signed; empty for any version.
    """

    target: str
    host: str
    port: int
    grace: int
    log_level: str
    allowed_names: list[str] = field(default_factory=list)
    allowed_origins: list[str] = field(default_factory=list)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    trusts_proxy: bool = False
    calls_per_minute: int = 0
    notes_questions: bool = False
    public_key: str = ""
