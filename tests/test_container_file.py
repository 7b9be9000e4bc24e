"""The container's file: its paths exist, it has no rights, and its command serves a downloaded version with a token."""

import re
import subprocess
import sys
from pathlib import Path

import mlflow
import requests

from serving.cli.serve import up
from tests.doors import find_free_port
from tests.fixtures import ROOT

LINES = re.sub(r"\\\n", "", (ROOT / "Dockerfile").read_text("utf-8")).splitlines()
TOKEN = "a-token-of-the-tests"  # noqa: S105 - of this test alone


def list_words(instruction: str) -> list[str]:
    return [line.removeprefix(f"{instruction} ") for line in LINES if line.startswith(f"{instruction} ")]


def test_files_of_the_container_exist_and_are_no_secret() -> None:
    sources = [word for line in list_words("COPY") for word in line.split()[:-1]]
    assert sources
    assert all((ROOT / source).exists() for source in sources)
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {f"!{source}" for source in sources} <= set(ignored)


def test_container_runs_as_a_user_without_rights_and_tells_its_health() -> None:
    assert list_words("USER") == ["multichain"]
    assert "/readyz" in "".join(LINES)
    (entry,) = list_words("ENTRYPOINT")
    options = set(re.findall(r"--[\w-]+", entry))
    assert options <= {option for parameter in up.params for option in parameter.opts}


def test_command_of_the_container_serves_a_downloaded_version_with_a_token(logged: str, tmp_path: Path) -> None:
    version = mlflow.artifacts.download_artifacts(logged, dst_path=str(tmp_path / "version"))
    port = find_free_port()
    command = [sys.executable, "-m", "serving", "up", "--host", "0.0.0.0", "--allow-host", "*"]  # noqa: S104 - as there
    with subprocess.Popen(
        [*command, "--port", str(port), "--target", version],
        cwd=tmp_path,
        env={"PATH": "", "MULTICHAIN_TOKEN": TOKEN, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            assert server.stdout.readline().startswith("Serving ")
            address = f"http://127.0.0.1:{port}"
            assert requests.get(f"{address}/readyz", timeout=30).ok
            assert requests.get(f"{address}/v1/models", timeout=30).status_code == 401
            headers = {"authorization": f"Bearer {TOKEN}"}
            assert requests.get(f"{address}/v1/models", headers=headers, timeout=30).ok
        finally:
            server.terminate()
