"""Answers that were paid for, kept for those who ask the same later, under the same credentials.

Off for chat and pictures unless a profile says for how long, on for the vectors of questions. In memory; or, where
MULTICHAIN_CACHE names a folder, in files that several processes share (diskcache, its values as JSON and never as
pickles). A name is a hash: no question, no prompt and no key can be read from it.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ..errors import SettingError
from ..runtime import loop_resources, usage
from ..runtime.usage import Usage

FOLDER, BYTES = "MULTICHAIN_CACHE", "MULTICHAIN_CACHE_BYTES"
_MEMORY, _DISK = 64_000_000, 1_000_000_000
"""Bytes that are kept unless MULTICHAIN_CACHE_BYTES says otherwise; what was not used longest goes first."""

Values = dict[str, Any]


async def nobody() -> str:
    """No credentials of ours."""
    return ""


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache of one kind of call; ``seconds`` is how long an answer is kept, 0 not at all."""

    kind: str
    seconds: int = 0
    who: Callable[[], Awaitable[str]] = nobody
    """Tells the credentials that are asked with, as a hash."""

    async def kept(self, asked: object, ask: Callable[[], Awaitable[Values]]) -> Values:
        """What was answered to ``asked``, which is JSON and tells the model and all that was sent; or what is now."""
        found = await self.found(asked)
        if found is not None:
            usage.spend(Usage(cached=True))
            return found
        told = await ask()
        await self.keep(asked, told)
        return told

    async def found(self, asked: object) -> Values | None:
        """What was answered to ``asked``, if it is kept."""
        if not self.seconds:
            return None
        return await (await _store(self.kind, self.seconds)).get(await self._name(asked))

    async def keep(self, asked: object, told: Values) -> None:
        """Keeps what was answered to ``asked``."""
        if self.seconds:
            await (await _store(self.kind, self.seconds)).set(await self._name(asked), told)

    async def _name(self, asked: object) -> str:
        return sha256(json.dumps([self.kind, await self.who(), asked], sort_keys=True).encode()).hexdigest()


class _Memory:
    """In this process."""

    def __init__(self, seconds: int) -> None:
        from cachetools import TTLCache  # MLflow brings it

        self._made: Any = TTLCache(_most(_MEMORY), seconds, getsizeof=len)

    async def get(self, name: str) -> Values | None:
        found = self._made.get(name)
        return None if found is None else dict(json.loads(found))

    async def set(self, name: str, told: Values) -> None:
        text = json.dumps(told)
        if len(text) <= self._made.maxsize:
            self._made[name] = text


class _Disk:
    """In a folder."""

    def __init__(self, folder: str, seconds: int) -> None:
        from diskcache import Cache as Files  # where a folder is named
        from diskcache import JSONDisk

        self._made: Any = Files(folder, disk=JSONDisk, size_limit=_most(_DISK), eviction_policy="least-recently-used")
        self._seconds = seconds

    async def get(self, name: str) -> Values | None:
        found: Values | None = await asyncio.to_thread(self._made.get, name)
        return found

    async def set(self, name: str, told: Values) -> None:
        await asyncio.to_thread(self._made.set, name, told, expire=self._seconds)


async def _store(kind: str, seconds: int) -> _Memory | _Disk:
    """The store of a kind on the running loop. Raises SettingError for a folder that cannot be used."""
    folder = os.environ.get(FOLDER, "")

    async def make() -> _Memory | _Disk:
        if not folder:
            return _Memory(seconds)
        try:
            return await asyncio.to_thread(_Disk, folder, seconds)
        except Exception as error:  # noqa: BLE001 - a file system's, or SQLite's
            raise SettingError(
                f"{FOLDER} names a folder that cannot be used ({type(error).__name__}); check it"
            ) from None

    made: _Memory | _Disk = await loop_resources.made(("cache", kind, folder, seconds), make)
    return made


def _most(usual: int) -> int:
    told = os.environ.get(BYTES) or str(usual)
    if not told.isdecimal():
        raise SettingError(f"{BYTES} is expected to be a number of bytes")
    return int(told)
