"""The usual way: LangChain's own expression language, a retriever and an image call in parallel, logged from code."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel

from model.passages import Chunks

FOLDER = "MULTICHAIN_BENCH_INDEX"
PROMPT = ChatPromptTemplate.from_template("Answer from these passages:\n\n{passages}\n\nQuestion: {question}")


@cache
def open_index() -> tuple[Any, Chunks]:
    """Return the vectors and chunks of the measured index."""
    folder = Path(os.environ[FOLDER])
    return faiss.read_index(str(folder / "index.faiss")), Chunks(folder / "chunks.jsonl")


def find_passages(vector: list[float]) -> str:
    """Return the four passages nearest to ``vector``, as the prompt contains them."""
    vectors, chunks = open_index()
    _, positions = vectors.search(np.array([vector], dtype=np.float32), 4)
    return "\n\n".join(chunks[position].text for position in positions[0].tolist())


def make_chain() -> Runnable[Any, Any]:
    """Return both stages as a RunnableParallel."""
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings
    from openai import OpenAI

    embeddings = OpenAIEmbeddings(model="text-embedding-3-small", check_embedding_ctx_length=False)
    chat, images = ChatOpenAI(model="gpt-4.1", temperature=0), OpenAI()

    def retrieve(row: dict[str, Any]) -> dict[str, str]:
        question = row["qa"]["question"]
        return {"question": question, "passages": find_passages(embeddings.embed_query(question))}

    def draw(row: dict[str, Any]) -> str:
        response = images.images.generate(model="gpt-image-2", prompt=row["image_generation"]["prompt"], n=1)
        return str(response.data[0].b64_json) if response.data else ""

    answer = RunnableLambda(retrieve) | PROMPT | chat | StrOutputParser()
    return RunnableParallel(qa=answer, image_generation=RunnableLambda(draw))


if FOLDER in os.environ and os.environ.get("MULTICHAIN_BENCH_LOGGED"):
    import mlflow

    mlflow.models.set_model(make_chain())
