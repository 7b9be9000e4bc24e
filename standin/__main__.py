"""Run the stand-in until it is interrupted, and print the environment variables that point multichain at it."""

import threading
from contextlib import suppress

import click

from commandline.commands import Commands

from .app import KEY, StandIn
from .server import environment_variables, run_stand_in


@click.group(cls=Commands, invoke_without_command=True)
@click.option(
    "--port",
    default=8089,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 picks a free one.",
)
@click.option("--key", default=KEY, show_default=True, help="API key that callers have to send.")
def standin(port: int, key: str) -> None:
    """Serve a stand-in for the APIs of OpenAI, Azure and Databricks on this machine, free of charge."""
    with run_stand_in(StandIn(key), port) as address, suppress(KeyboardInterrupt):
        click.echo("This is not a language model: it quotes passages and draws cards. In another terminal, run:\n")
        click.echo(
            "  export " + " ".join(f"{name}={value}" for name, value in environment_variables(address, key).items())
        )
        click.echo("  python -m training run --profile openai\n\nCtrl+C ends it.")
        threading.Event().wait()


if __name__ == "__main__":
    standin(prog_name="python -m standin")
