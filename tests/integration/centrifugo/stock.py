"""
The stock client libraries, driven from tests.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

NODE = Path(__file__).parent / "node"
PATIENCE_S = 10.0 * float(os.environ.get("AVANCE_TEST_TIMEOUT_FACTOR", "1"))


class JsClient:
    """
    One process with the npm client.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._results: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self.seen: list[dict[str, Any]] = []

    async def call(self, op: str, **arguments: Any) -> Any:
        """
        Do something and answer its result; an error of the client becomes `{"error": …}`.
        """
        self._number += 1
        done = asyncio.get_running_loop().create_future()
        self._results[self._number] = done
        assert self._process.stdin is not None
        line = json.dumps({"op": op, "id": self._number, **arguments})
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()
        with anyio.fail_after(PATIENCE_S):
            answer = await done
        return {"error": answer["error"]} if "error" in answer else answer["result"]

    async def next(self, event: str, **matching: Any) -> dict[str, Any]:
        """
        The next event of this kind, passing over others.
        """
        while True:
            seen = await self._any(event, matching)
            if _is(seen, event, matching):
                return seen

    async def answering(
        self, what: str, answer: Callable[[], str], event: str, **matching: Any
    ) -> dict[str, Any]:
        """
        The next event of this kind, for which each question is answered: a token that is short-lived may have ended on its way.
        """
        while True:
            seen = await self._any(event, matching)
            if _is(seen, event, matching):
                return seen
            if _is(seen, "ask", {"what": what}):
                await self.call("answer", question=seen["question"], answer=answer())

    async def _any(self, event: str, matching: dict[str, Any]) -> dict[str, Any]:
        try:
            with anyio.fail_after(PATIENCE_S):
                seen = await self._events.get()
        except TimeoutError:
            raise AssertionError(f"no {event} {matching} after {self.seen}") from None
        self.seen.append(seen)
        return seen

    async def publications(self, count: int) -> list[dict[str, Any]]:
        return [await self.next("publication") for _ in range(count)]

    async def read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == "result":
                self._results.pop(event["id"]).set_result(event)
            else:
                self._events.put_nowait(event)


def _is(seen: dict[str, Any], event: str, matching: dict[str, Any]) -> bool:
    return seen["event"] == event and all(seen.get(name) == it for name, it in matching.items())


@asynccontextmanager
async def js_client(url: str, **given: Any) -> AsyncIterator[JsClient]:
    options = {"url": url, "transport": "websocket", "codec": "json", **given}
    process = await asyncio.create_subprocess_exec(
        "node",
        str(NODE / "client.mjs"),
        json.dumps(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    client = JsClient(process)
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(client.read())
        try:
            yield client
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            reading.cancel()
