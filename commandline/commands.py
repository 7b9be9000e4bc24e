"""A group of commands with error messages instead of tracebacks, and quiet libraries."""

import logging
import os
import signal
import sys
from typing import Any, NoReturn

import click

from model.config import environment
from model.errors import MultichainError

from . import mlflow_store

os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
logging.getLogger("alembic").setLevel(logging.WARNING)


class Commands(click.Group):
    """A group of commands whose failures print a message and exit with a non-zero code.

    MULTICHAIN_TRACEBACK=1 shows the traceback of an unexpected error.
    """

    def invoke(self, ctx: click.Context) -> Any:  # click's own signature
        """Run the requested command; turn errors into messages without a traceback.

        Args:
            ctx: Click's context.

        Raises:
            click.ClickException: The command failed; the message is one sentence.
        """
        if warning := environment.describe_foreign_tracing():
            click.echo(f"Warning: {warning}", err=True)
        mlflow_store.adapt_to_folder()
        signal.signal(signal.SIGTERM, _exit_on_signal)  # an exception, so that an ended command cleans up
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except MultichainError as error:
            raise click.ClickException(str(error)) from None
        except Exception as error:
            if environment.TRACEBACK.read():
                raise
            raise click.ClickException(_error_sentence(error)) from None


def _error_sentence(error: Exception) -> str:
    kinds = {kind.__name__ for kind in type(error).__mro__}  # a version's copy has classes of its own
    if kinds & {"MlflowException", "MultichainError"} or isinstance(error, OSError):
        return str(error).partition("\n")[0] or type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        return (
            f"this Python ({sys.executable}) has no package {error.name}; activate the environment in which multichain "
            "is installed, or install it here with pip install -e ."
        )
    return (
        f"an unexpected error occurred ({type(error).__name__}); run the command again with MULTICHAIN_TRACEBACK=1 "
        "for the traceback, and report the error"
    )


def _exit_on_signal(_signal: int, _frame: object) -> NoReturn:
    sys.exit(143)
