"""A minimal HTTP/1.1 client that uses little CPU time, so that it hardly slows the service."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Call:
    """A request, and the status of a successful response. Any other status is a failure."""

    port: int
    method: str
    path: str
    expected_status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Any = None
    on_new_connection: bool = False

    @cached_property
    def message(self) -> bytes:
        """The request as the bytes to send."""
        headers = {"Host": f"127.0.0.1:{self.port}", **self.headers}
        body = b""
        if self.content is not None:
            body = json.dumps(self.content).encode()
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode() + _END_OF_HEAD + body


class ConnectionPool:
    """Connections to 127.0.0.1. They are reused, unless a call requires a new connection."""

    def __init__(self, limit: int) -> None:
        """At most `limit` calls are sent at the same time. Further calls wait."""
        self._slots = asyncio.Semaphore(limit)
        self._free: defaultdict[int, deque[_Streams]] = defaultdict(deque)

    async def send(self, call: Call) -> tuple[int, str]:
        """Return the status and the body. Raises `OSError` or `EOFError` if no response arrives."""
        async with self._slots:
            return await self._send(call)

    async def _send(self, call: Call) -> tuple[int, str]:
        free = self._free[call.port]
        if free and not call.on_new_connection:
            streams = free.popleft()
        else:
            streams = await asyncio.open_connection("127.0.0.1", call.port)
        reader, writer = streams
        try:
            writer.write(call.message)
            head = await reader.readuntil(_END_OF_HEAD)
            length = head.lower().partition(_LENGTH)[2].partition(b"\r")[0]
            body = await reader.readexactly(int(length or 0))
        except BaseException:
            writer.close()
            raise
        if call.on_new_connection:
            writer.close()
        else:
            free.append(streams)
        return int(head.split(b" ", 2)[1]), body.decode()

    def close(self) -> None:
        """Close the connections that are not in use."""
        for streams in self._free.values():
            for _, writer in streams:
                writer.close()
