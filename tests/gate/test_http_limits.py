"""Connections that send slowly, too much, or nothing: closed, while others are answered."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from releve.plugins.outbound.gate import server
from releve.plugins.outbound.gate.server import MAX_REQUEST_BYTES, LimitedProtocol

REQUEST = b"GET /gate HTTP/1.1\r\nHost: gate\r\n\r\n"
Dialogue = Callable[[int], Awaitable[None]]


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer without waiting for the body, as the gate does for strangers."""
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def talk(dialogue: Dialogue) -> None:
    """Serve in this process, and hold a dialogue with the port."""

    async def both() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            config = uvicorn.Config(answer, http=LimitedProtocol, lifespan="off", log_config=None,
                                    timeout_keep_alive=60)  # fmt: skip
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            while not server.started:
                await asyncio.sleep(0.01)
            try:
                await asyncio.wait_for(dialogue(listening.getsockname()[1]), 60)
            finally:
                server.should_exit = True
                await serving

    asyncio.run(both())


async def read_rest(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the other side closes."""
    found = b""
    try:
        while part := await reader.read(65_536):
            found += part
    except ConnectionError:
        pass
    return found


@pytest.mark.parametrize("begun", [b"", b"\r\n", REQUEST[:-4], b"POST / HTTP/1.1\r\n"
                                   b"Host: a\r\nContent-Length: 90\r\n\r\nto="])  # fmt: skip
def test_a_request_that_does_not_end_is_closed(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.1)

    async def dialogue(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if begun:
            writer.write(begun)
        await read_rest(reader)
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        assert (await reader.read(65_536)).startswith(b"HTTP/1.1 200")
        writer.write(begun or b"\r\n")  # after an answer, too
        await read_rest(reader)
        writer.close()

    talk(dialogue)


def test_a_connection_that_asks_again_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.2)

    async def dialogue(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(REQUEST)
            assert (await reader.read(65_536)).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.3)
        writer.close()

    talk(dialogue)


@pytest.mark.parametrize("line", [b"GET /" + b"a" * 400_000, REQUEST[:-2] + b"A: b\r\n" * 80_000])
def test_a_request_of_too_many_bytes_is_closed(line: bytes) -> None:
    assert len(line) > 20 * MAX_REQUEST_BYTES

    async def dialogue(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(line)
        assert b"200" not in await read_rest(reader)
        writer.close()

    talk(dialogue)


def test_one_connection_too_many_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 2)

    async def dialogue(port: int) -> None:
        open_ones = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert await read_rest(open_ones[2][0]) == b""
        for reader, writer in open_ones[:2]:
            writer.write(REQUEST)
            assert (await reader.read(65_536)).startswith(b"HTTP/1.1 200")
        for _, writer in open_ones:
            writer.close()

    talk(dialogue)
