"""Sentence transformers: semantic embeddings on this machine, without a key.

The model is named by a folder, a volume or its name on the Hugging Face hub. A folder is logged with the version, so
that the version serves where the folder does not exist; a model of the hub is downloaded on first use.
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
    """Return the distributions that this provider needs to serve."""
    return {"langchain-huggingface", "sentence-transformers", "tenacity"}


def check(_role: str, settings: dict[str, Any]) -> None:
    """Check that the packages are installed and that a model named by a path exists.

    Raises:
        ProfileError: A package or the folder is missing.
    """
    if not all(find_spec(package) for package in ("langchain_huggingface", "sentence_transformers")):
        raise ProfileError(f"sentence_transformers needs packages that are not installed; {EXTRA}")
    model = settings["model"]
    if model.startswith((".", "/", "~")) and folder(settings) is None:
        raise ProfileError(f"there is no folder {model}; name a folder, or a model of the hub")


def folder(settings: dict[str, Any]) -> Path | None:
    """Return the folder of the model, which a version is logged with, or None for a model of the hub."""
    location = Path(settings["model"]).expanduser()
    return location if location.is_dir() else None


def embeddings(model: str, question_prompt: str = "", passage_prompt: str = "", files: str = "") -> LangChainEmbeddings:
    """Return the embeddings of one model.

    Args:
        model: A folder, or the name of a model on the hub.
        question_prompt: Text that the model expects before a question.
        passage_prompt: Text that the model expects before a passage.
        files: Where the folder of a logged version lies now; empty to use ``model``.

    Raises:
        ProfileError: A package or the folder is missing.
    """
    check("embeddings", {"model": files or model})
    from langchain_huggingface import HuggingFaceEmbeddings  # an extra, whose import takes seconds

    embeddings_object = HuggingFaceEmbeddings(
        model_name=str(Path(files or model).expanduser()) if (files or folder({"model": model})) else model,
        encode_kwargs={"prompt": passage_prompt} if passage_prompt else {},
        query_encode_kwargs={"prompt": question_prompt} if question_prompt else {},
    )
    return LangChainEmbeddings("sentence_transformers", Path(model).name, embeddings_object, Usage())
