"""What a target cannot get by URL, fetched for it: side by side, each URL once, within the bounds of one request."""

import asyncio
from collections.abc import Sequence

from trunkline.dialects.forms import Contents, Want
from trunkline.errors import InvalidRequest, Unsupported
from trunkline.ports import Fetch, Fetched, FetchLimits

# Of one request at a time; more only makes the servers of one page work harder.
_PARALLEL = 4

# OpenAI's own word for it.
_FAILED = {"image": "failed_to_download_image"}


async def fetch_all(fetch: Fetch | None, limits: FetchLimits, wants: Sequence[Want]) -> Contents:
    """The contents of every URL wanted. Raises the caller's errors, each naming the part whose URL it was."""
    # Of a URL that several parts share, the first part is named.
    once = {want.url: want for want in reversed(wants)}
    if fetch is None:
        raise Unsupported(
            f"`{wants[0].path}` is a URL, which this model cannot fetch, and this gateway may not: send a `data:` URL",
            param=wants[0].path,
        )
    if len(once) > limits.urls:
        raise InvalidRequest(
            f"the request holds {len(once)} URLs to be fetched, but {limits.urls} are the most: send `data:` URLs"
        )
    return await _Fetching(fetch, limits).run(list(once.values()))


class _Fetching:
    """One request's fetches."""

    def __init__(self, fetch: Fetch, limits: FetchLimits) -> None:
        self._fetch = fetch
        self._limits = limits
        self._slots = asyncio.Semaphore(_PARALLEL)
        self._left_bytes = limits.request_bytes
        self._found: dict[str, Fetched] = {}

    async def run(self, wants: Sequence[Want]) -> Contents:
        try:
            async with asyncio.TaskGroup() as group:
                for want in wants:
                    group.create_task(self._get(want))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return self._found

    async def _get(self, want: Want) -> None:
        limits = self._limits
        async with self._slots:
            size = min(limits.url_bytes, self._left_bytes, want.size_bytes or limits.url_bytes)
            try:
                if size <= 0:
                    raise InvalidRequest(f"the request's URLs hold more than {limits.request_bytes} bytes together")
                found = await self._fetch.fetch(want.url, size, limits.seconds, want.types)
                self._left_bytes -= len(found.data)
                if self._left_bytes < 0:
                    raise InvalidRequest(f"the request's URLs hold more than {limits.request_bytes} bytes together")
            except InvalidRequest as error:
                raise InvalidRequest(
                    f"`{want.path}` could not be fetched: {error.message}. Mend the URL, or send a `data:` URL",
                    param=want.path,
                    code=_FAILED.get(want.kind),
                    detail=error.detail,
                ) from None
            self._found[want.url] = found
