"""Keep paid replies for callers who ask the same later, under the same credentials.

The cache is off for chat and images unless a profile sets a time, and on for the vectors of questions. It is in memory,
or, when MULTICHAIN_CACHE names a folder, in files that several processes share (diskcache, with JSON values and no
pickles). A key is a hash, from which no question, prompt or credential can be read.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ..config import environment
from ..errors import SettingError
from ..runtime import loop_resources, usage
from ..runtime.usage import Usage
from .rate_limiter import Operation

_MEMORY_BYTES, _DISK_BYTES = 64_000_000, 1_000_000_000
"""Default sizes in bytes (MULTICHAIN_CACHE_BYTES). The entry that was not used for the longest time goes first."""

CachedValue = dict[str, Any]


async def no_credentials() -> str:
    """Return the hash of a provider without credentials of ours."""
    return ""


@dataclass(frozen=True, slots=True)
class ResponseCache:
    """The cache of one kind of call.

    Attributes:
        operation: The calls whose replies are kept.
        seconds: How long the profile keeps a reply; 0 keeps none.
        credentials_hash: Returns the credentials of a call as a hash.
    """

    operation: Operation
    seconds: int = 0
    credentials_hash: Callable[[], Awaitable[str]] = no_credentials

    @property
    def lifetime(self) -> int:
        """Seconds for which a reply is kept: the profile's, or MULTICHAIN_CACHE_SECONDS where that is more."""
        return max(self.seconds, environment.CACHE_SECONDS.read())

    async def get_or_call(self, request: object, call: Callable[[], Awaitable[CachedValue]]) -> CachedValue:
        """Return the cached reply, or call and cache its reply.

        Args:
            request: JSON with the model and all that is sent.
            call: Makes the call.

        Returns:
            The reply.

        Raises:
            SettingError: The folder that MULTICHAIN_CACHE names cannot be used.
        """
        cached = await self.get(request)
        if cached is not None:
            usage.record_usage(Usage(cached=True))
            return cached
        async with self._limit_unkept():
            value = await call()
            await self.put(request, value)
        return value

    def _limit_unkept(self) -> AbstractAsyncContextManager[object]:
        """Limit the calls whose replies are not kept yet, where MULTICHAIN_CACHE_SECONDS keeps them against a kill.

        As many are permitted as may be under way: a call begins when the reply of another one is kept.
        """
        if not environment.CACHE_SECONDS.read():
            return nullcontext()
        semaphore: asyncio.Semaphore = loop_resources.get_or_create_sync(
            ("unkept", self.operation.kind, self.operation.provider),
            lambda: asyncio.Semaphore(self.operation.limits.concurrency),
        )
        return semaphore

    async def get(self, request: object) -> CachedValue | None:
        """Return the cached reply to ``request``, or None."""
        if not self.lifetime:
            return None
        return await (await _open_store(self.operation.kind, self.lifetime)).get(await self._key(request))

    async def put(self, request: object, value: CachedValue) -> None:
        """Cache the reply ``value`` to ``request``."""
        if self.lifetime:
            await (await _open_store(self.operation.kind, self.lifetime)).set(await self._key(request), value)

    async def _key(self, request: object) -> str:
        return sha256(
            json.dumps([self.operation.kind, await self.credentials_hash(), request], sort_keys=True).encode()
        ).hexdigest()


class _MemoryStore:
    """Entries in this process."""

    def __init__(self, seconds: int) -> None:
        from cachetools import TTLCache  # MLflow brings it

        self._entries: Any = TTLCache(environment.CACHE_BYTES.read() or _MEMORY_BYTES, seconds, getsizeof=len)

    async def get(self, key: str) -> CachedValue | None:
        cached = self._entries.get(key)
        return None if cached is None else dict(json.loads(cached))

    async def set(self, key: str, value: CachedValue) -> None:
        text = json.dumps(value)
        if len(text) <= self._entries.maxsize:
            self._entries[key] = text


class _DiskStore:
    """Entries in a folder."""

    def __init__(self, folder: str, seconds: int) -> None:
        from diskcache import Cache as Files  # where a folder is named
        from diskcache import JSONDisk

        self._entries: Any = Files(
            folder,
            disk=JSONDisk,
            size_limit=environment.CACHE_BYTES.read() or _DISK_BYTES,
            eviction_policy="least-recently-used",
        )
        self._seconds = seconds

    async def get(self, key: str) -> CachedValue | None:
        cached: CachedValue | None = await asyncio.to_thread(self._entries.get, key)
        return cached

    async def set(self, key: str, value: CachedValue) -> None:
        await asyncio.to_thread(self._entries.set, key, value, expire=self._seconds)


async def _open_store(kind: str, seconds: int) -> _MemoryStore | _DiskStore:
    """Return the running event loop's store of ``kind``.

    Raises:
        SettingError: The folder cannot be used.
    """
    folder = environment.CACHE_FOLDER.read()

    async def create() -> _MemoryStore | _DiskStore:
        if not folder:
            return _MemoryStore(seconds)
        try:
            return await asyncio.to_thread(_DiskStore, folder, seconds)
        except Exception as error:  # noqa: BLE001 - a file system's, or SQLite's
            raise SettingError(
                f"{environment.CACHE_FOLDER.name} names a folder that cannot be used ({type(error).__name__}); check it"
            ) from None

    store: _MemoryStore | _DiskStore = await loop_resources.get_or_create(("cache", kind, folder, seconds), create)
    return store
