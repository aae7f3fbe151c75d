"""The README's pictures of the page, from the demo's figures: `make picture`.

Needs chromium, Prometheus, Alertmanager.
"""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.exporter.live.browser import chromium

FOLDER = Path(__file__).parents[3] / "deploy" / "pictures"
SELECTION = "#window=1h&view=channel&tile=cx_first_response_seconds%2F0.9"
READY = "['CxLeavingSpike', 'CxAnswersLate'].every((name) => alerts.textContent.includes(name)) && document.querySelectorAll('.breakdown tbody tr').length > 1"


@asynccontextmanager
async def demo() -> AsyncIterator[str]:
    """Run a demo and yield the address of its page."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stream.cli", "demo"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        async for line in process.stdout:
            if match := re.search(rb"Live page\s+(http://\S+)", line):
                yield match[1].decode()
                break
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()


async def main() -> None:
    """Write both pictures, light and dark."""
    program = shutil.which("chromium")
    assert program, "chromium is not installed"
    FOLDER.mkdir(exist_ok=True)
    async with demo() as url:
        for name, dark in (("page.png", False), ("page-dark.png", True)):
            async with chromium(Path(program)) as tab:
                await tab.open(url + SELECTION, width=1360, height=1010, dark=dark)
                await tab.until(READY, seconds=180)
                await tab.send_command("Emulation.setScrollbarsHidden", hidden=True)
                (FOLDER / name).write_bytes(await tab.screenshot())


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    asyncio.run(main())
