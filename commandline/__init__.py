"""What both command lines share: errors as sentences, quiet libraries, and no traceback."""

import logging
import os
import signal
import sys
from typing import Any, NoReturn

import click

from model.errors import MultichainError

os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
logging.getLogger("alembic").setLevel(logging.WARNING)


class Commands(click.Group):
    """A group of commands whose failures end in one sentence and a non-zero exit code.

    MULTICHAIN_TRACEBACK=1 shows where an unforeseen one came from.
    """

    def invoke(self, ctx: click.Context) -> Any:  # click's own signature
        """Runs the command that was asked for."""
        signal.signal(signal.SIGTERM, _exit_on_signal)  # so that a command that is ended cleans up
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except MultichainError as error:
            raise click.ClickException(str(error)) from None
        except Exception as error:
            if os.environ.get("MULTICHAIN_TRACEBACK"):
                raise
            raise click.ClickException(_error_sentence(error)) from None


def _error_sentence(error: Exception) -> str:
    kinds = {kind.__name__ for kind in type(error).__mro__}  # a version's own errors are classes of its own copy
    if kinds & {"MlflowException", "MultichainError"} or isinstance(error, OSError):
        return str(error).splitlines()[0]
    return (
        f"something unforeseen happened ({type(error).__name__}); run it again with MULTICHAIN_TRACEBACK=1 "
        "to see where, and report it"
    )


def _exit_on_signal(_signal: int, _frame: object) -> NoReturn:
    sys.exit(143)
