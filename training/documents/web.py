"""Fetch documents from web addresses, without being led into a private network.

requests-hardened resolves each host once, refuses an address that is not public, also after a redirect, and connects to
the address that it checked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests
from requests_hardened import Config, HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress

from model.errors import DocumentError

_TIMEOUT_SECONDS, _MAX_BYTES, _MAX_REDIRECTS = 30, 50_000_000, 5
"""Limits of reading an address."""
_SUFFIX_OF_TYPE = {
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "application/pdf": ".pdf",
    "application/json": ".json",
}
_SECRET_PARAMETERS = frozenset(
    {"key", "apikey", "api_key", "token", "access_token", "auth", "password", "secret", "code", "sig", "signature"}
)
"""Query parameters whose values are credentials, such as the signature of a shared access address of Azure Storage."""
_SECRET_PREFIXES = ("x-amz-", "x-goog-")
"""Prefixes of the query parameters of signed addresses of Amazon and Google."""


@dataclass(frozen=True, slots=True)
class WebPage:
    """The content of an address.

    Attributes:
        source: The address without credentials, by which the document is cited.
        suffix: Type of the content as a lower-case file suffix, such as ``.html``.
        content: The bytes of the page.
    """

    source: str
    suffix: str
    content: bytes


def fetch_page(address: str, *, private: bool) -> WebPage:
    """Return the content of an address, following redirects.

    Args:
        address: An address that begins with http:// or https://; may contain credentials.
        private: Whether the address may lead into a private network.

    Raises:
        DocumentError: The address cannot be fetched, is too large, or leads into a private network.
    """
    source = remove_credentials(address)
    try:
        with _make_session(private=private) as session:
            reply = session.get(address, stream=True)
            if not reply.ok:
                raise DocumentError(f"{source} answered HTTP {reply.status_code}; check the address")
            content = b"".join(_read_within_limit(reply, source))
    except requests.TooManyRedirects:
        raise DocumentError(f"{source} redirects too often; use the final address") from None
    except InvalidIPAddress:
        raise DocumentError(
            f"{source} leads into a private network; allow this with --private if you trust the address"
        ) from None
    except (requests.RequestException, ValueError) as error:  # ValueError: a host that cannot be encoded
        raise DocumentError(f"{source} cannot be read ({type(error).__name__}); check the address") from None
    kind = reply.headers.get("content-type", "").partition(";")[0].strip()
    suffix = PurePosixPath(urlsplit(str(reply.url)).path).suffix.lower()
    return WebPage(source, _SUFFIX_OF_TYPE.get(kind, suffix or ".html"), content)


def remove_credentials(address: str) -> str:
    """Return an address without user, password and the query parameters that are credentials."""
    parts = urlsplit(address)
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    public = [(name, value) for name, value in parameters if not _is_secret(name.lower())]
    query = parts.query if public == parameters else urlencode(public)  # the spelling stays where nothing is secret
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query))


def _is_secret(parameter: str) -> bool:
    return parameter in _SECRET_PARAMETERS or parameter.startswith(_SECRET_PREFIXES)


def _make_session(*, private: bool) -> requests.Session:
    session: requests.Session = HTTPSession(
        Config(
            ip_filter_enable=not private,
            ip_filter_allow_loopback_ips=False,
            never_redirect=False,
            default_timeout=(_TIMEOUT_SECONDS, _TIMEOUT_SECONDS),
        )
    )
    session.max_redirects = _MAX_REDIRECTS
    return session


def _read_within_limit(reply: requests.Response, source: str) -> Iterator[bytes]:
    size = 0
    for piece in reply.iter_content(1 << 16):
        size += len(piece)
        if size > _MAX_BYTES:
            raise DocumentError(f"{source} has more than {_MAX_BYTES:,} bytes; download it and name the file instead")
        yield piece
