"""The process of a server: load what is served, and serve it until a signal.

The settings come as a line of JSON on standard input, since they contain digests of tokens, and other users can read a
process's arguments.
"""

import logging
import sys
import threading
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from commandline import mlflow_store
from commandline.long_lived import spare_collector

from ..doors.app import make_door_app
from ..doors.calls import CallRecorder, audit_log
from ..targets import open_target
from .connections import make_server
from .server_settings import ServerSettings


def main(kind: str, settings: ServerSettings) -> None:
    """Serve until a signal.

    Args:
        kind: ``up`` for a version with MLflow's routes, ``app`` for the doors of any target.
        settings: What to serve, and how.
    """
    audit_log.addHandler(logging.StreamHandler(sys.stdout))
    audit_log.setLevel(logging.INFO)
    app = _make_version_app(settings) if kind == "up" else _make_app(settings)
    spare_collector()
    server = make_server(app, settings.host, settings.port, grace=settings.grace, log_level=settings.log_level)
    threading.Thread(target=_end_with_parent, args=[server], daemon=True).start()
    server.run()


def _make_version_app(settings: ServerSettings) -> Starlette:
    from commandline.saved_version import load_unchanged

    from .version_app import make_app  # MLflow, two seconds

    model = load_unchanged(settings.target, Path(settings.public_key) if settings.public_key else None)
    return make_app(model, settings.target, settings.doors)


def _make_app(settings: ServerSettings) -> Starlette:
    recorder = CallRecorder(notes_questions=settings.doors.notes_questions)
    return make_door_app(open_target(settings.target), settings.target, settings.doors, recorder)


def _end_with_parent(server: Any) -> None:  # a server of uvicorn
    """End the server when the standard input ends, as it does when the process that started this one was killed."""
    sys.stdin.buffer.read()
    server.should_exit = True


if __name__ == "__main__":
    mlflow_store.adapt_to_folder()
    main(sys.argv[1], ServerSettings.from_json(sys.stdin.buffer.readline()))
