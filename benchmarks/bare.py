"""The practical limit: OpenAI's SDK in one asyncio loop that knows beforehand what is asked twice."""

import asyncio
from typing import Any

import numpy as np
from openai import AsyncOpenAI
from rival import PROMPT, opened

CONCURRENCY = 16


async def all_of(rows: list[dict[str, Any]]) -> int:
    """Answers and draws each thing once; gives how many calls that took."""
    client = AsyncOpenAI(max_retries=0)
    chats, images = asyncio.Semaphore(CONCURRENCY), asyncio.Semaphore(CONCURRENCY)
    questions = list(dict.fromkeys(row["qa"]["question"] for row in rows))
    prompts = list(dict.fromkeys(row["image_generation"]["prompt"] for row in rows))

    async def answer(question: str, passages: str) -> None:
        told = PROMPT.invoke({"question": question, "passages": passages}).to_string()
        async with chats:
            messages: Any = [{"role": "user", "content": told}]
            await client.chat.completions.create(model="gpt-4.1", temperature=0, messages=messages)

    async def draw(prompt: str) -> None:
        async with images:
            await client.images.generate(model="gpt-image-2", prompt=prompt, n=1)

    async def answers() -> None:
        told = await client.embeddings.create(model="text-embedding-3-small", input=questions)
        vectors, chunks = opened()
        _, found = vectors.search(np.array([row.embedding for row in told.data], dtype=np.float32), 4)
        passages = ["\n\n".join(chunks[position].text for position in near) for near in found.tolist()]
        await asyncio.gather(*(answer(question, text) for question, text in zip(questions, passages, strict=True)))

    await asyncio.gather(answers(), *map(draw, prompts))
    await client.close()
    return 1 + len(questions) + len(prompts)
