"""Write JSON lines to standard output, in a process that imports nothing of this project but this module.

Libraries that print to standard output are redirected to standard error, so that each line is one message.
"""

import json
import os
from collections.abc import Iterable


def write_json_lines(messages: Iterable[object]) -> None:
    """Write each message as one line of JSON, as soon as it is there."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for message in messages:
        output.write(json.dumps(message, default=str) + "\n")
        output.flush()


def describe_error(error: Exception) -> str:
    """Return the first line of an error's message, without MLflow's prefix, which repeats the request."""
    return str(error).rpartition("Error: ")[2].strip().partition("\n")[0] or type(error).__name__
