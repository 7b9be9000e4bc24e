"""Addresses are read without being led into a private network, and cited without credentials."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

import pytest

from model.errors import DocumentError
from tests.fixtures import run_site
from training.documents.web import fetch_page, remove_credentials


class Site(BaseHTTPRequestHandler):
    """Site that redirects, answers, or answers with too much; records each path."""

    paths: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.paths.append(self.path)
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"<p>Text.</p>")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site() -> Iterator[str]:
    Site.paths.clear()
    with run_site(Site) as address:
        yield address


def resolve_to(*addresses: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each look-up of a host give the next address, the last one for all further look-ups."""
    remaining = list(addresses)

    def look_up(_host: str, port: int, **_: Any) -> list[Any]:
        address = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port or 80))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "0.1.2.3", "::1", "64:ff9b::7f00:1",
     "2002:7f00:1::", "::ffff:127.0.0.1", "fe80::1"],
)  # fmt: skip
def test_host_in_a_private_network_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(address, monkeypatch=monkeypatch)
    with pytest.raises(DocumentError, match=r"^http://intranet/page leads into a private network; allow this with"):
        fetch_page("http://intranet/page", private=False)


def test_redirect_into_a_private_network_is_refused(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int(site.rpartition(":")[2])
    monkeypatch.setattr("requests_hardened.ip_filter_adapter.filter_host", _PublicOnce())
    with pytest.raises(DocumentError, match="leads into a private network"):
        fetch_page(f"http://127.0.0.1:{port}/to/http://127.0.0.1:{port}/page", private=False)
    assert [path[:4] for path in Site.paths] == ["/to/"]


class _PublicOnce:
    """The filter of requests-hardened, which takes the first address for a public one."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, hostname: str, port: int, *, allow_loopback: bool) -> str:
        from requests_hardened.ip_filter import filter_host

        self.calls += 1
        return filter_host(hostname, port, allow_loopback=self.calls == 1 or allow_loopback)


def test_host_is_resolved_once_so_that_a_second_answer_of_dns_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    resolve_to("93.184.216.34", "127.0.0.1", monkeypatch=monkeypatch)
    connections: list[str] = []

    def connect(address: tuple[str, int], *_: Any, **_more: Any) -> socket.socket:
        connections.append(address[0])
        raise OSError

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    with pytest.raises(DocumentError, match=r"^http://rebinding.test/page cannot be read \(ConnectionError\)"):
        fetch_page("http://rebinding.test/page", private=False)
    assert connections == ["93.184.216.34"]


def test_private_address_is_read_when_it_is_allowed(site: str) -> None:
    page = fetch_page(f"{site}/to//page", private=True)
    assert (page.source, page.suffix, page.content) == (f"{site}/to//page", ".html", b"<p>Text.</p>")


def test_endless_redirects_are_refused(site: str) -> None:
    with pytest.raises(DocumentError, match="redirects too often; use the final address"):
        fetch_page(f"{site}/to/" + "/to/" * 9 + "/page", private=True)
    assert len(Site.paths) == 6


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("https://user:secret@example.org:8443/a?id=5", "https://example.org:8443/a?id=5"),
        ("https://x.blob.core.windows.net/c/a.pdf?sp=r&sig=abc%2Fd", "https://x.blob.core.windows.net/c/a.pdf?sp=r"),
        ("https://b.s3.amazonaws.com/a.md?X-Amz-Signature=abc&X-Amz-Date=1", "https://b.s3.amazonaws.com/a.md"),
        ("https://example.org/a?API_KEY=k&page=2#top", "https://example.org/a?page=2#top"),
        ("https://example.org/a?q=a+b%20c&empty=", "https://example.org/a?q=a+b%20c&empty="),
    ],
)
def test_source_of_an_address_has_no_credentials(address: str, source: str) -> None:
    assert remove_credentials(address) == source


def test_credentials_of_an_address_are_in_no_message(site: str) -> None:
    host = site.removeprefix("http://")
    with pytest.raises(DocumentError) as error:
        fetch_page(f"http://user:hunter2@{host}/page?token=hunter2", private=False)
    assert "hunter2" not in str(error.value)
