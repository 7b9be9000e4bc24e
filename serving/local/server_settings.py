"""Arguments of the server's process. The module imports nothing heavy, so that ``serving up`` starts quickly."""

import json
from dataclasses import asdict, dataclass
from typing import Self

from ..doors.settings import DoorSettings
from ..doors.tokens import Token


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Arguments of the server's process.

    Attributes:
        target: What is served: URI or folder of a version, or a target of ``serving app``.
        host: Address to listen on.
        port: Port to listen on.
        grace: Seconds after a signal within which requests under way may still be answered.
        log_level: Level of the log.
        doors: Who may call the server, and what is noted.
        public_key: PEM file of the key by which the version must be signed; empty for any version.
    """

    target: str
    host: str
    port: int
    grace: int
    log_level: str
    doors: DoorSettings
    public_key: str = ""

    def to_json(self) -> str:
        """Return the settings as a line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """Return the settings of a line of JSON."""
        values = json.loads(line)
        tokens = [Token(**token) for token in values["doors"]["tokens"]]
        return cls(**values | {"doors": DoorSettings(**values["doors"] | {"tokens": tokens})})
