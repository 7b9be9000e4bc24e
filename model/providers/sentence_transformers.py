"""Sentence transformers: semantic embeddings on this machine, without a key.

The model is named by a folder, a volume or its name on the Hugging Face hub. A folder is logged with the version, so
that the version serves where the folder does not exist; a model of the hub is downloaded on first use.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from ..config.settings import Factory
from ..errors import ProfileError
from ..runtime.usage import Usage
from .base import ModelFolder, Provider, ProviderSettings
from .langchain import LangChainEmbeddings

EXTRA = "pip install -e '.[sentence-transformers]'"


class SentenceTransformersProvider(Provider):
    """Embedding models that run on this machine."""

    name = "sentence_transformers"

    @property
    def factories(self) -> Mapping[str, Factory]:
        """The factory of each role."""
        return {"embeddings": self.embeddings}

    def find_distributions(self, settings: ProviderSettings) -> set[str]:
        """Return the distributions that a version needs to serve.

        Args:
            settings: The settings of the entry.
        """
        return {"langchain-huggingface", "sentence-transformers", "tenacity"}

    def check_settings(self, role: str, settings: ProviderSettings) -> None:
        """Check that the packages are installed and that a model named by a path exists.

        Args:
            role: The role of the entry.
            settings: The settings of the entry.

        Raises:
            ProfileError: A package or the folder is missing.
        """
        if not all(find_spec(package) for package in ("langchain_huggingface", "sentence_transformers")):
            raise ProfileError(f"sentence_transformers needs packages that are not installed; {EXTRA}")
        model = settings["model"]
        if model.startswith((".", "/", "~")) and self.find_model_folder(settings) is None:
            raise ProfileError(f"there is no folder {model}; name a folder, or a model of the hub")

    def find_model_folder(self, settings: ProviderSettings) -> Path | None:
        """Return the folder of the model, which a version is logged with, or None for a model of the hub.

        Args:
            settings: The settings of the entry.
        """
        folder = Path(settings["model"]).expanduser()
        return folder if folder.is_dir() else None

    def embeddings(
        self, model: str, question_prompt: str = "", passage_prompt: str = "", files: ModelFolder | None = None
    ) -> LangChainEmbeddings:
        """Return the embeddings of one model.

        Args:
            model: A folder, or the name of a model on the hub.
            question_prompt: Text that the model expects before a question.
            passage_prompt: Text that the model expects before a passage.
            files: Where the folder of a logged version is now; None to use ``model``.

        Raises:
            ProfileError: A package or the folder is missing.
        """
        location = str(files.path) if files else model
        self.check_settings("embeddings", {"model": location})
        from langchain_huggingface import HuggingFaceEmbeddings  # an extra, whose import takes seconds

        embeddings = HuggingFaceEmbeddings(
            model_name=str(self.find_model_folder({"model": location}) or location),
            encode_kwargs={"prompt": passage_prompt} if passage_prompt else {},
            query_encode_kwargs={"prompt": question_prompt} if question_prompt else {},
        )
        return LangChainEmbeddings("sentence_transformers", Path(model).name, embeddings, Usage())
