"""Arguments of the server's process. The module imports nothing, so that ``serving up`` starts quickly."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Arguments of the server's process.

    Attributes:
        target: URI or folder of the version.
        host: Address to listen on.
        port: Port to listen on.
        streams: Whether to serve ``/stream``.
        allowed_names: Names besides those of this machine by which the server may be called.
        grace: Seconds after a signal within which requests under way may still be answered.
        log_level: Level of the log.
        public_key: PEM file of the key by which the version must be signed; empty for any version.
    """

    target: str
    host: str
    port: int
    streams: bool
    allowed_names: list[str]
    grace: int
    log_level: str
    public_key: str = ""
