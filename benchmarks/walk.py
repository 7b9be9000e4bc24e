"""Count how far a reader must walk: files entered and hops from file to file, for a question, a document, a promotion.

A hop is a call from one file of the project into another; an arrow is a pair of files between which calls go. A
coroutine that goes on after a wait is no new call.
``python benchmarks/walk.py [PROFILE]`` walks with the offline profile, or another; for ``openai`` the stand-in answers
where OPENAI_BASE_URL is not set.
"""

import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from inspect import (
    CO_ASYNC_GENERATOR,
    CO_COROUTINE,
    CO_GENERATOR,
    CO_OPTIMIZED,
)  # the last: no body of a class or module
from io import StringIO
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Self

ROOT = Path.cwd()
"""The checkout that is walked: any version of the project, from its root."""
FOLDERS = ("model", "training", "commandline")
DOCUMENTS = "documents/exercise"
EXAMPLES = [
    {"question": f"{begin} {name}?", "source": file}
    for name, file in (("LangChain", "langchain.txt"), ("GPT-4", "gpt-4.txt"))
    for begin in ("What is", "Tell me about", "Explain", "Who makes")
]
_RESUMABLE = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR


class Walk:
    """Record the calls between files in ``folders`` while the context is open, in all threads.

    Args:
        folders: Folders whose files count.
    """

    def __init__(self, folders: list[Path]) -> None:
        self._folders = tuple(f"{folder.resolve()}{os.sep}" for folder in folders)
        self._is_own: dict[CodeType, bool] = {}
        self._entered: list[FrameType] = []  # frames of coroutines, kept so that each is counted once
        self._entered_ids: set[int] = set()
        self.files: list[str] = []
        self.functions: set[CodeType] = set()
        self.arrows: set[tuple[str, str]] = set()
        self.hops = 0

    def __enter__(self) -> Self:
        """Start to record."""
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to record."""
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]

    def __str__(self) -> str:
        """Return the counts as columns of a table."""
        return f"{len(self.files)} | {len(self.functions)} | {len(self.arrows)} | {self.hops}"

    def _owns(self, code: CodeType) -> bool:
        if code not in self._is_own:
            # the body of a class or of a module is not optimized
            self._is_own[code] = bool(code.co_flags & CO_OPTIMIZED) and code.co_filename.startswith(self._folders)
        return self._is_own[code]

    def _trace(self, frame: FrameType, event: str, _argument: object) -> None:
        """Count a call; return None, so that lines are not traced."""
        code = frame.f_code
        if event != "call" or not self._owns(code):
            return
        if code.co_flags & _RESUMABLE:
            if id(frame) in self._entered_ids:
                return
            self._entered_ids.add(id(frame))
            self._entered.append(frame)
        self.functions.add(code)
        if code.co_filename not in self.files:
            self.files.append(code.co_filename)
        caller = frame.f_back
        while caller is not None and not self._owns(caller.f_code):
            caller = caller.f_back
        calling_file = caller.f_code.co_filename if caller is not None else ""
        if calling_file != code.co_filename:
            self.arrows.add((calling_file, code.co_filename))
            self.hops += 1


def main() -> None:
    """Print the three walks as a table; with ``--files`` also the files in the order in which they are entered."""
    profile = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "offline")
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        os.environ |= {
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
            "MLFLOW_LOGGING_LEVEL": "ERROR",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        }
        if profile != "offline" and "OPENAI_BASE_URL" not in os.environ:
            from standin.app import KEY, StandIn
            from standin.server import environment_variables, run_stand_in

            os.environ |= environment_variables(stack.enter_context(run_stand_in(StandIn(KEY))), KEY)
        os.chdir(folder)
        stack.callback(os.chdir, ROOT)
        _walk_all(profile, Path(folder))


def _walk_all(profile: str, folder: Path) -> None:
    import mlflow

    own = [ROOT / name for name in FOLDERS]
    index = str(folder / "index")
    build = _walk(own, lambda: _run("build", str(ROOT / DOCUMENTS), "--profile", profile, "--index", index))
    uri = _run("log", "--profile", profile, "--index", index)
    mlflow.register_model(uri, "multichain")
    version = Path(mlflow.artifacts.download_artifacts(uri))
    model = mlflow.pyfunc.load_model(str(version))
    question = _walk([version / "code"], lambda: model.predict({"qa": {"question": "Tell me about LangChain."}}))
    evaluation = folder / "questions.jsonl"
    evaluation.write_text("".join(f"{json.dumps(example)}\n" for example in EXAMPLES), "utf-8")
    _run("promote", "1")
    mlflow.register_model(uri, "multichain")
    promotion = _walk(own, lambda: _run("promote", "2", "--evaluation", str(evaluation)))
    print(f"| walk, profile {profile} | files entered | functions | arrows | hops |\n| --- | --- | --- | --- | --- |")
    for name, walk in (("a question", question), ("documents to an index", build), ("a promotion", promotion)):
        print(f"| {name} | {walk} |")
        if "--files" in sys.argv:
            print(" → ".join(Path(file).stem for file in walk.files))


def _walk(folders: list[Path], call: Callable[[], Any]) -> Walk:
    with Walk(folders) as walk:
        call()
    return walk


def _run(*arguments: str) -> str:
    """Run a command of ``python -m training`` in this process; return the last line that it printed."""
    from training.__main__ import training

    with redirect_stdout(StringIO()) as output:
        training.main([*arguments], standalone_mode=False)
    return output.getvalue().strip().rpartition("\n")[2]


if __name__ == "__main__":
    main()
