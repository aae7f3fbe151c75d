"""Headless Chromium over the DevTools protocol: just what the page's tests and its picture need."""

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


class Tab:
    """A page: `eval` asks it, `until` waits for a condition; `told` is what it wrote or tripped over, `asked` whom it asked."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.told: list[str] = []
        self.asked: list[str] = []
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._listening = asyncio.create_task(self._listen())

    async def do(self, method: str, **params: Any) -> Any:
        """One command of the protocol."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(60):
            return await answer

    async def eval(self, expression: str) -> Any:
        """What an expression gives, awaited."""
        answer = await self.do(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = 30) -> Any:
        """What an expression gives as soon as it is true."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not (value := await self.eval(expression)):
            assert asyncio.get_running_loop().time() < deadline, f"{expression}: {value!r}; {self.told}"
            await asyncio.sleep(0.05)
        return value

    async def open(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Go there, as wide as a screen, until its first figures are there."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.do(f"{domain}.enable")
        await self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.do("Emulation.setEmulatedMedia", features=[scheme])
        await self.do("Page.navigate", url=url)
        await self.until(
            "document.querySelectorAll('.tile').length > 0 && !!document.querySelector('#detail h2')?.textContent"
        )

    async def resize(self, width: int, height: int) -> None:
        """Have a screen of that size, narrow ones a phone's."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.do("Emulation.setDeviceMetricsOverride", **size)

    async def press(self, key: str, code: int = 0, text: str = "", modifiers: int = 0) -> None:
        """A key, down and up."""
        params = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        await self.do("Input.dispatchKeyEvent", type="keyDown", **params, **({"text": text} if text else {}))
        await self.do("Input.dispatchKeyEvent", type="keyUp", **params)

    async def picture(self, *, whole: bool = False) -> bytes:
        """What it looks like, as PNG."""
        shot = await self.do("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])

    async def _listen(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                self._take(json.loads(message.data))

    def _take(self, said: dict[str, Any]) -> None:
        if "id" in said:
            future = self._answers.pop(said["id"])
            if "error" in said:
                future.set_exception(AssertionError(said["error"]))
            else:
                future.set_result(said["result"])
        elif said["method"] == "Network.requestWillBeSent":
            self.asked.append(said["params"]["request"]["url"])
        elif said["method"] == "Log.entryAdded":
            self.told.append(said["params"]["entry"]["text"])
        elif said["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.told.append(json.dumps(said["params"])[:500])


@asynccontextmanager
async def chromium(program: Path) -> AsyncIterator[Tab]:
    """A tab of a browser of its own, which is stopped at the end."""
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
                    pages = [each for each in await answer.json() if each["type"] == "page"]
                async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Tab(socket)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _port(folder: Path, process: asyncio.subprocess.Process) -> int:
    """The port that it listens on, once it has written it down."""
    async with asyncio.timeout(60):
        while True:
            with suppress(FileNotFoundError, ValueError, IndexError):
                return int((folder / "DevToolsActivePort").read_text().splitlines()[0])
            assert process.returncode is None, "the browser has ended"
            await asyncio.sleep(0.05)
