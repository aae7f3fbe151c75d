"""Headless Chromium over the DevTools protocol, with the commands that the tests of the page need."""

import asyncio
import base64
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)


FIGURES_SHOWN = (
    "document.querySelectorAll('.tile').length > 0 && !!document.querySelector('#detail h2')?.textContent"
)


class Tab:
    """A page in the browser. `messages` has its log and errors, `requested_urls` its requests."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.messages: list[str] = []
        self.requested_urls: list[str] = []
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._listening = asyncio.create_task(self._listen())

    async def send_command(self, method: str, **params: Any) -> Any:
        """Send a command of the protocol and return its result."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(60):
            return await answer

    async def evaluate(self, expression: str) -> Any:
        """Return the awaited result of an expression."""
        answer = await self.send_command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = 30) -> Any:
        """Wait until an expression is true and return its result."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not (value := await self.evaluate(expression)):
            assert asyncio.get_running_loop().time() < deadline, f"{expression}: {value!r}; {self.messages}"
            await asyncio.sleep(0.05)
        return value

    async def open(
        self,
        url: str,
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        loaded: str = FIGURES_SHOWN,
    ) -> None:
        """Open a page in a window of that size and wait until it is loaded, by default until it shows figures."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.send_command(f"{domain}.enable")
        await self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send_command("Emulation.setEmulatedMedia", features=[scheme])
        await self.send_command("Page.navigate", url=url)
        await self.until(loaded)

    async def resize(self, width: int, height: int) -> None:
        """Set the size of the screen. A narrow one emulates a phone."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.send_command("Emulation.setDeviceMetricsOverride", **size)

    async def press(self, key: str, code: int = 0, text: str = "", modifiers: int = 0) -> None:
        """Press and release a key."""
        params = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        await self.send_command(
            "Input.dispatchKeyEvent", type="keyDown", **params, **({"text": text} if text else {})
        )
        await self.send_command("Input.dispatchKeyEvent", type="keyUp", **params)

    async def screenshot(self, *, full_page: bool = False) -> bytes:
        """Return a screenshot as PNG."""
        screenshot = await self.send_command(
            "Page.captureScreenshot", format="png", captureBeyondViewport=full_page
        )
        return base64.b64decode(screenshot["data"])

    async def _listen(self) -> None:
        async for socket_message in self._socket:
            if socket_message.type is WSMsgType.TEXT:
                self._handle(json.loads(socket_message.data))

    def _handle(self, message: dict[str, Any]) -> None:
        if "id" in message:
            future = self._answers.pop(message["id"])
            if "error" in message:
                future.set_exception(AssertionError(message["error"]))
            else:
                future.set_result(message["result"])
        elif message["method"] == "Network.requestWillBeSent":
            self.requested_urls.append(message["params"]["request"]["url"])
        elif message["method"] == "Log.entryAdded":
            self.messages.append(message["params"]["entry"]["text"])
        elif message["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.messages.append(json.dumps(message["params"])[:500])


@asynccontextmanager
async def chromium(program: Path) -> AsyncIterator[Tab]:
    """Run a browser and yield its tab."""
    with TemporaryDirectory(prefix="cxgauge-browser-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            program,
            *FLAGS,
            f"--user-data-dir={folder}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            port = await _port(Path(folder), process)
            async with ClientSession(f"http://127.0.0.1:{port}") as session:
                async with session.get("/json/list") as answer:
                    targets = [target for target in await answer.json() if target["type"] == "page"]
                async with session.ws_connect(targets[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Tab(socket)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _port(folder: Path, process: asyncio.subprocess.Process) -> int:
    """Return the port of the browser once it has written it."""
    async with asyncio.timeout(60):
        while True:
            with suppress(FileNotFoundError, ValueError, IndexError):
                return int((folder / "DevToolsActivePort").read_text().splitlines()[0])
            assert process.returncode is None, "the browser has ended"
            await asyncio.sleep(0.05)
