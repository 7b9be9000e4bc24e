"""The errors of OpenAI's API."""

from pathlib import Path
from typing import Any

import yaml
from starlette.responses import JSONResponse

_FILE = Path(__file__).parent / "parameters.yaml"
PARAMETERS: dict[str, set[str]] = {call: set(names) for call, names in yaml.safe_load(_FILE.read_text("utf-8")).items()}


class RefusedError(Exception):
    """A request that the API refuses. ``error`` is the error object of the response, with the entries of ``extra``."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": _error_type(status), "param": param, "code": code or None} | extra

    def response(self, headers: dict[str, str] | None = None) -> JSONResponse:
        """Return the response for this error, with ``headers``."""
        return JSONResponse({"error": self.error}, self.status, headers)


def invalid_request(message: str, param: str | None = None, code: str = "") -> RefusedError:
    """Return the error for an invalid request, with HTTP 400.

    Args:
        message: Message of the error.
        param: Parameter that is at fault.
        code: Error code; empty for none.

    Returns:
        The error.
    """
    return RefusedError(400, code, message, param)


def require_parameters(body: dict[str, Any], call: str, required: set[str]) -> None:
    """Check the parameters of a request.

    Args:
        body: Body of the request.
        call: Name of the call in ``PARAMETERS``.
        required: Parameters that the call needs.

    Raises:
        RefusedError: A parameter is unknown or missing.
    """
    for name in sorted(body.keys() - PARAMETERS[call]):
        raise invalid_request(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    for name in sorted(required - body.keys()):
        raise invalid_request(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")


def _error_type(status: int) -> str:
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    return kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")
