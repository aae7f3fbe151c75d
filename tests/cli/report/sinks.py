"""Servers that take reports: SMTP and HTTP with JSON."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiohttp import web

from stream.devbroker.ports import free_port


class MailSink:
    """An SMTP server that takes every mail, or refuses logins."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self._refuses = refuses

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            command = line.strip().upper()
            if command.startswith(b"EHLO"):
                writer.write(b"250-sink\r\n250 AUTH PLAIN LOGIN\r\n")
            elif command.startswith(b"AUTH") and self._refuses:
                writer.write(b"535 no such user: sender or password hush-hush\r\n")
            elif command.startswith(b"AUTH"):
                writer.write(b"235 welcome\r\n")
            elif command == b"DATA":
                writer.write(b"354 go on\r\n")
                raw = await reader.readuntil(b"\r\n.\r\n")
                mail = message_from_bytes(raw[:-5].replace(b"\r\n..", b"\r\n."), policy=policy.default)
                assert isinstance(mail, EmailMessage)
                self.mails.append(mail)
                writer.write(b"250 taken\r\n")
            else:
                writer.write(b"221 bye\r\n" if command == b"QUIT" else b"250 ok\r\n")
            await writer.drain()
            if command == b"QUIT":
                break
        writer.close()
        await writer.wait_closed()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["MailSink"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        async with server:
            yield self


@asynccontextmanager
async def json_sink(status: int = 200) -> AsyncIterator[tuple[int, list[dict[str, str]]]]:
    """Yield the port of a server, and the documents that it got."""
    documents: list[dict[str, str]] = []

    async def take(request: web.Request) -> web.Response:
        documents.append(await request.json())
        return web.Response(status=status)

    app, port = web.Application(), free_port()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield port, documents
    await runner.cleanup()
