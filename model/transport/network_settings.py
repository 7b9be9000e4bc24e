"""Say which variable of the environment keeps a client from being made, or its connections from being trusted.

HTTP clients read proxies and certificates from the environment, and fail with exceptions that name no variable.
"""

import ssl
from collections.abc import Iterator
from urllib.request import proxy_bypass

from ..config.environment import CERTIFICATES, read_text
from ..errors import ProviderAddressError, ProviderUnavailableError, SettingError

_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "https_proxy", "http_proxy")
_UNUSED_PROXY = "OPENAI_PROXY"


def check_proxy_variables() -> None:
    """Check that no proxy is set by a variable that is not used.

    Raises:
        SettingError: OPENAI_PROXY is set, which only some of the clients would heed.
    """
    if read_text(_UNUSED_PROXY):
        raise SettingError(f"{_UNUSED_PROXY} is not used; unset it, and set HTTPS_PROXY, with NO_PROXY for exceptions")


def explain_client_failure(error: Exception) -> Exception:
    """Return what to raise when an HTTP client cannot be made: the variable's error, or ``error`` itself.

    Args:
        error: What the client's class raised.
    """
    proxy = _find_proxy(error)
    if proxy and isinstance(error, ImportError):
        return SettingError(
            f"{proxy} names a SOCKS proxy, for which the package socksio is not installed; pip install socksio, or "
            "name an HTTP proxy"
        )
    if proxy and isinstance(error, ValueError):
        return SettingError(f"{proxy} is no proxy that can be used; write http://HOST:PORT, or socks5://HOST:PORT")
    certificates = next((name for name in CERTIFICATES if read_text(name)), "")
    if certificates and isinstance(error, OSError):
        return SettingError(f"{certificates} names no readable bundle of certificates; check the path, or unset it")
    return error


def explain_tls_failure(name: str, error: BaseException) -> ProviderAddressError | None:
    """Return the error for a connection that is not trusted, or is none of TLS; None for another failure.

    Args:
        name: Provider and model, for the message.
        error: What the SDK raised.
    """
    failure = next((cause for cause in _list_causes(error) if isinstance(cause, ssl.SSLError)), None)
    if failure is None:
        return None
    if isinstance(failure, ssl.SSLCertVerificationError):
        return ProviderAddressError(
            f"{name}: the certificate of its address is not trusted; set SSL_CERT_FILE to a bundle with the authority "
            "that signed it, or check the address"
        )
    return ProviderAddressError(f"{name}: no secure connection to its address comes about; check https:// or http://")


def explain_proxy_failure(name: str, error: BaseException) -> ProviderUnavailableError | None:
    """Return the error for a connection that a proxy refused, or that did not come about through one.

    Args:
        name: Provider and model, for the message.
        error: What the SDK raised.

    Returns:
        The error, which names the proxy's variable; None when the call goes through no proxy, or failed otherwise.
    """
    kinds = {type(cause).__name__ for cause in _list_causes(error)}
    url = getattr(getattr(error, "request", None), "url", None)
    variable = _find_variable_of_proxy(str(url.scheme), str(url.host)) if url is not None else ""
    if not variable:
        return None
    if "ProxyError" in kinds:
        return ProviderUnavailableError(
            f"{name}: the proxy that {variable} names refused the connection; check its address and user, or name the "
            "provider's host in NO_PROXY"
        )
    if kinds & {"ConnectError", "ConnectTimeout"}:
        return ProviderUnavailableError(
            f"{name} cannot be reached through the proxy that {variable} names; check the proxy, or name the "
            "provider's host in NO_PROXY"
        )
    return None


def _find_variable_of_proxy(scheme: str, host: str) -> str:
    """Return the variable that names the proxy for a host; empty when there is none, or NO_PROXY names the host."""
    if proxy_bypass(host):
        return ""
    names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    return next((variable for variable in names if read_text(variable)), "")


def _list_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and what it was raised from, outermost first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _find_proxy(error: Exception) -> str:
    """Return the variable of the proxy that a client cannot use; empty where proxies are not at fault."""
    values = {name: read_text(name) for name in _PROXIES if read_text(name)}
    if isinstance(error, ImportError):
        return next((name for name, address in values.items() if address.startswith("socks")), "")
    schemes = ("http://", "https://", "socks5://", "socks5h://")
    return next((name for name, address in values.items() if "://" in address and not address.startswith(schemes)), "")
