"""Find a model server on this machine, for a profile that names the provider ``compatible`` and no address.

Ollama, llama.cpp and LM Studio listen on known ports of the loopback address, and list their models at ``/v1/models``.
"""

import json
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException

from model.profile import MODEL_SETTINGS, Profile
from model.providers.compatible import CompatibleProvider
from model.providers.server_facts import ServerFound
from model.runtime.event_loop import Engine
from model.transport import credentials

PORTS: Mapping[str, int] = {"Ollama": 11434, "llama.cpp": 8080, "LM Studio": 1234}
_TIMEOUT_SECONDS = 2.0
_MAX_BYTES = 1_000_000
_NO_CHAT = ("embed", "rerank", "bge-", "e5-", "minilm", "whisper", "tts")
"""Parts of the names of models that do not chat."""


def locate_server(profile: Profile) -> tuple[bool, str]:
    """Look for a server on this machine where a profile needs one, and write what was found into the profile's facts.

    A profile needs one where the provider ``compatible`` has no address, or an entry of it names no model.

    Returns:
        Whether all is there that the profile needs, and a sentence on what was found or looked for; empty for a
        profile that needs none.
    """
    entries = [entry for *_, entry in profile.entries if entry["provider"] == CompatibleProvider.name]
    if not entries or profile.facts.find_server(CompatibleProvider.name):
        return True, ""
    variable = CompatibleProvider.address_variable
    address = Engine().run(credentials.read_variable(variable))
    needs_model = any(not any(entry.get(key) for key in MODEL_SETTINGS) for entry in entries)
    if address and not needs_model:
        return True, ""
    if address:
        model = _first_chat_model(Engine().run(CompatibleProvider().list_names()))
        if not model:
            return False, f"{variable} is set, and its server lists no chat model; name one in the profile"
        profile.facts.add_server(CompatibleProvider.name, ServerFound("", model))
        return True, f"the profile names no model, so it uses {model}, which the server lists first"
    for title, port in PORTS.items():
        names = list_models(port)
        model = _first_chat_model(names or [])
        if names is None or (needs_model and not model):
            continue
        server = ServerFound(f"http://127.0.0.1:{port}/v1", model)
        profile.facts.add_server(CompatibleProvider.name, server)
        use = f" with the model {model}" if needs_model else ""
        return True, f"{variable} is not set; found {title} at {server.address}, and uses it{use}"
    places = ", ".join(f"{port} ({title})" for title, port in PORTS.items())
    return False, f"{variable} is not set, and no server on this machine lists a chat model at the ports {places}"


def _first_chat_model(names: Sequence[str]) -> str:
    """Return the first of the names that is that of a model which chats; empty for none."""
    return next((name for name in names if not any(part in name.lower() for part in _NO_CHAT)), "")


def list_models(port: int) -> list[str] | None:
    """Return the models that a server on a port of this machine lists; None where none answers as such a server does.

    A proxy is never asked: the connection is made to the loopback address itself.

    Args:
        port: The port.
    """
    connection = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/v1/models")
        response = connection.getresponse()
        listed = json.loads(response.read(_MAX_BYTES)) if response.status == 200 else {}  # noqa: PLR2004 - HTTP's OK
        return [str(model["id"]) for model in listed["data"]]
    except (OSError, HTTPException, ValueError, LookupError, TypeError):
        return None
    finally:
        connection.close()
