"""Proxies and certificates of the environment: each that cannot be used is named, and an untrusted server is told."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from model.contract.events import discard
from model.errors import (
    ModelUnavailableError,
    ModerationError,
    MultichainError,
    ProviderAddressError,
    ProviderUnavailableError,
    SettingError,
)
from model.providers.compatible import CompatibleProvider
from model.runtime.event_loop import Engine
from model.transport.retry import limit_attempts
from tests.odd_server import CHAT, EMBEDDINGS, refuse, run_odd_server

compatible = CompatibleProvider()
VARIABLES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENAI_PROXY")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset what the machine itself needs for its network."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def call(role: str, engine: Engine) -> None:
    if role == "chat":
        engine.run(compatible.chat(["m"]).complete("hello", "", discard))
    else:
        engine.run(compatible.embeddings("e").embed(["fox"]))


@pytest.mark.parametrize("role", ["chat", "embeddings"])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9", "ALL_PROXY names a SOCKS proxy, for which the package socksio is not"),
        ("ALL_PROXY", "socks://127.0.0.1:9", "ALL_PROXY is no proxy that can be used; write http://HOST:PORT"),
        ("HTTP_PROXY", "ftp://x:1", "HTTP_PROXY is no proxy that can be used; write http://HOST:PORT"),
        ("SSL_CERT_FILE", "/nonexistent/ca.pem", "SSL_CERT_FILE names no readable bundle of certificates; check the"),
        ("SSL_CERT_FILE", __file__, "SSL_CERT_FILE names no readable bundle of certificates; check the path"),
        ("OPENAI_PROXY", "http://127.0.0.1:9", "OPENAI_PROXY is not used; unset it, and set HTTPS_PROXY"),
    ],
)
def test_variable_that_keeps_a_client_from_being_made_is_named(
    name: str, value: str, message: str, role: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_odd_server() as server:
        monkeypatch.setenv(name, value)
        with pytest.raises(SettingError) as error:
            call(role, engine)
    assert str(error.value).startswith(message)
    assert server.requests == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate for 127.0.0.1 that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(tz=UTC)
    signed = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), today, today + timedelta(days=2)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(private + signed.public_bytes(encoding))
    return file


@pytest.fixture
def tls_address(certificate: Path) -> Iterator[str]:
    """Run a server over TLS, which answers nothing, and return its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("role", ["chat", "embeddings"])
def test_certificate_that_is_not_trusted_is_told_and_not_tried_again(
    role: str, tls_address: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPATIBLE_BASE_URL", tls_address)
    with pytest.raises(ProviderAddressError, match=r"the certificate of its address is not trusted; set SSL_CERT_FILE"):
        call(role, engine)
    assert ProviderAddressError.is_retryable is False


@pytest.mark.parametrize("role", ["chat", "embeddings"])
def test_server_without_tls_behind_https_is_told(role: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_odd_server() as server:
        monkeypatch.setenv("COMPATIBLE_BASE_URL", server.address.replace("http://", "https://"))
        with pytest.raises(ProviderAddressError, match=r"no secure connection to its address comes about"):
            call(role, engine)


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (refuse("litellm.ContentPolicyViolationError: AzureException - filtered", code="400"), ModerationError),
        (refuse("triggering Azure OpenAI's content management policy", code="x"), ModerationError),
        (refuse("Budget has been exceeded! Current cost: 1.0", code="400"), ModelUnavailableError),
        ((402, {"error": {"message": "Insufficient credits", "code": 402}}), ModelUnavailableError),
        ((404, {"object": "error", "message": "The model `m` does not exist.", "code": 404}), ModelUnavailableError),
        ((404, {"error": "model 'm' not found, try pulling it first"}), ModelUnavailableError),
        ((404, {"error": {"code": "404", "message": "Resource not found"}}), ProviderAddressError),
    ],
)
def test_words_of_gateways_stand_in_for_codes(
    refusal: tuple[int, dict[str, object]], kind: type[MultichainError], engine: Engine
) -> None:
    with run_odd_server({CHAT: lambda _: refusal, EMBEDDINGS: lambda _: refusal}):
        for role in ("chat", "embeddings"):
            with pytest.raises(kind):
                call(role, engine)


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 4096 tokens.",
        "litellm.ContextWindowExceededError: no",
        "inputs must have less than 512 tokens. Given: 600",
    ],
)
def test_words_for_too_long_a_text_name_the_remedy(message: str, engine: Engine) -> None:
    with (
        run_odd_server({EMBEDDINGS: lambda _: refuse(message)}),
        pytest.raises(MultichainError, match=r"was asked more than it can read at once; .* or set window"),
    ):
        call("embeddings", engine)


def test_server_without_a_key_is_called_without_one_being_set(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPATIBLE_API_KEY", raising=False)
    with run_odd_server() as server:
        call("chat", engine)
    assert [path for path, _ in server.requests] == [CHAT]


class RefusingProxy(BaseHTTPRequestHandler):
    """A proxy that wants a user."""

    def do_CONNECT(self) -> None:
        self.send_response(407)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


@pytest.mark.parametrize("role", ["chat", "embeddings"])
@pytest.mark.parametrize(
    ("is_up", "message"),
    [
        (False, "cannot be reached through the proxy that HTTPS_PROXY names; check the proxy, or name the provider's"),
        (True, "the proxy that HTTPS_PROXY names refused the connection; check its address and user"),
    ],
)
def test_proxy_that_is_down_or_refuses_is_named(
    is_up: bool, message: str, role: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), RefusingProxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        port = proxy.server_port if is_up else 9
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("COMPATIBLE_BASE_URL", "https://models.example/v1")
        with pytest.raises(ProviderUnavailableError) as error, limit_attempts(1):
            call(role, engine)
        proxy.shutdown()
    assert message in str(error.value)
    assert "models.example" not in str(error.value)


def test_host_that_no_proxy_names_does_not_blame_the_proxy(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("COMPATIBLE_BASE_URL", "http://127.0.0.1:9/v1")
    with (
        pytest.raises(ProviderUnavailableError, match="did not answer in time, or cannot be reached"),
        limit_attempts(1),
    ):
        call("chat", engine)
