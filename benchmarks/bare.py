"""The practical limit: OpenAI's SDK in one asyncio loop that knows in advance which questions and prompts repeat."""

import asyncio
from typing import Any

import numpy as np
from openai import AsyncOpenAI
from rival import PROMPT, open_index

CONCURRENCY = 16


async def make_distinct_calls(rows: list[dict[str, Any]]) -> int:
    """Answer each distinct question and draw each distinct prompt once; return the number of calls."""
    client = AsyncOpenAI(max_retries=0)
    chats, images = asyncio.Semaphore(CONCURRENCY), asyncio.Semaphore(CONCURRENCY)
    questions = list(dict.fromkeys(row["qa"]["question"] for row in rows))
    prompts = list(dict.fromkeys(row["image_generation"]["prompt"] for row in rows))

    async def answer(question: str, passages: str) -> None:
        prompt = PROMPT.invoke({"question": question, "passages": passages}).to_string()
        async with chats:
            messages: Any = [{"role": "user", "content": prompt}]
            await client.chat.completions.create(model="gpt-4.1", temperature=0, messages=messages)

    async def draw(prompt: str) -> None:
        async with images:
            await client.images.generate(model="gpt-image-2", prompt=prompt, n=1)

    async def answers() -> None:
        response = await client.embeddings.create(model="text-embedding-3-small", input=questions)
        vectors, chunks = open_index()
        queries = np.array([entry.embedding for entry in response.data], dtype=np.float32)
        _, positions = vectors.search(queries, 4)
        passages = ["\n\n".join(chunks[position].text for position in nearest) for nearest in positions.tolist()]
        await asyncio.gather(*(answer(question, text) for question, text in zip(questions, passages, strict=True)))

    await asyncio.gather(answers(), *map(draw, prompts))
    await client.close()
    return 1 + len(questions) + len(prompts)
