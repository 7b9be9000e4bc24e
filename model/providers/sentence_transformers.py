"""Sentence transformers: semantic embeddings on this machine, without a key, by a folder, a volume or a hub's name.

A folder is logged with the version, so that it serves where the folder is not; a hub's model is downloaded where it
is first used.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import ProfileError
from ..interfaces import ProviderFacts
from ..runtime.usage import Usage
from .langchain import LangChainEmbeddings

OFFER = ProviderFacts("", "none are paid for", "none; the extra `sentence-transformers`")
EXTRA = "pip install -e '.[sentence-transformers]'"


def requires(_settings: dict[str, Any]) -> set[str]:
    """The distributions that it serves with."""
    return {"langchain-huggingface", "sentence-transformers", "tenacity"}


def check(_role: str, settings: dict[str, Any]) -> None:
    """Raises ProfileError when the packages are missing, or a folder is not there."""
    if not all(find_spec(package) for package in ("langchain_huggingface", "sentence_transformers")):
        raise ProfileError(f"sentence_transformers needs packages that are not installed; {EXTRA}")
    model = settings["model"]
    if model.startswith((".", "/", "~")) and folder(settings) is None:
        raise ProfileError(f"there is no folder {model}; name a folder, or a model of the hub")


def folder(settings: dict[str, Any]) -> Path | None:
    """The folder of the model, which a version is logged with; None for one of the hub."""
    location = Path(settings["model"]).expanduser()
    return location if location.is_dir() else None


def embeddings(model: str, question_prompt: str = "", passage_prompt: str = "", files: str = "") -> LangChainEmbeddings:
    """The embeddings of one model, whose folder may lie in ``files`` now; some models want a prompt before a text.

    Raises ProfileError when the packages are missing.
    """
    check("embeddings", {"model": files or model})
    from langchain_huggingface import HuggingFaceEmbeddings  # an extra, and seconds

    embeddings_object = HuggingFaceEmbeddings(
        model_name=str(Path(files or model).expanduser()) if (files or folder({"model": model})) else model,
        encode_kwargs={"prompt": passage_prompt} if passage_prompt else {},
        query_encode_kwargs={"prompt": question_prompt} if question_prompt else {},
    )
    return LangChainEmbeddings("sentence_transformers", Path(model).name, embeddings_object, Usage())
