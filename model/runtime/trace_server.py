"""Tell whether the tracking server can take traces, so that a server that is away holds up neither calls nor an exit.

MLflow tries for four minutes to send one trace, and waits at the end of a process until all have been tried.
"""

import logging
import socket
import threading
import time
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

log = logging.getLogger(__name__)
_CONNECT_SECONDS = 2.0
_RECHECK_SECONDS = 30.0
"""Seconds for which an answer counts."""
_PORTS = {"http": 80, "https": 443}


class TraceServer:
    """The tracking server, as far as traces are concerned."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._checked_at = -_RECHECK_SECONDS
        self._is_reachable = True

    def is_reachable(self, uri: str) -> bool:
        """Return whether traces can be written; where they go to no server of MLflow's protocol, they can.

        The answer is at most half a minute old. A server that has gone away is logged once.

        Args:
            uri: MLflow's tracking URI.
        """
        parts = urlsplit(uri)
        if parts.scheme not in _PORTS or not parts.hostname or _uses_proxy(parts.scheme, parts.hostname):
            return True
        with self._lock:
            if time.monotonic() - self._checked_at >= _RECHECK_SECONDS:
                was_reachable = self._is_reachable
                self._is_reachable = _can_connect(parts.hostname, parts.port or _PORTS[parts.scheme])
                self._checked_at = time.monotonic()
                if was_reachable and not self._is_reachable:
                    log.warning("MLflow's tracking server cannot be reached, so that requests are not traced")
            return self._is_reachable


def _uses_proxy(scheme: str, host: str) -> bool:
    return scheme in getproxies() and not proxy_bypass(host)


def _can_connect(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), _CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
