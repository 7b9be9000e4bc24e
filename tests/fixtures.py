"""Folders of the repository, a small profile, and a site on this machine, for all tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXERCISE = ROOT / "documents" / "exercise"
"""The exercise's three texts."""
PROFILE = """\
embeddings: {provider: offline}
index: {chunk_size: 800, overlap: 80, language: english}
stages:
  qa: {kind: retrieval_qa, chat: {provider: offline}}
"""
"""A profile with one stage, to which a test adds others."""
PAID_PROFILE = """\
embeddings: {provider: offline}
index: {chunk_size: 1200, overlap: 120, language: english}
stages:
  qa: {kind: retrieval_qa, chat: {provider: openai, models: [gpt-4.1]}}
  image_generation:
    kind: image_generation
    images: {provider: openai, way: images, models: [gpt-image-2], output_format: png}
"""
"""A profile whose answers and pictures are paid, over an index that costs nothing."""


@contextmanager
def run_site(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve a site on a free port of this machine until the context ends; yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
