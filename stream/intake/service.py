"""The process of `cxgauge intake`: the server, and the task that keeps the connection to Kafka."""

import asyncio
import logging
import signal
from collections.abc import Mapping

from stream import logs
from stream.config import Settings
from stream.errors import ConfigError
from stream.http.hosts import is_loopback
from stream.http.web_config import WebConfig, keep_renewed, read
from stream.intake.hooks import CompiledHook, compile_hooks
from stream.intake.metrics import IntakeMetrics
from stream.intake.server import application, serve
from stream.intake.sink import KafkaSink
from stream.kafka.client import certificate_files
from stream.starting import listening

log = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Take events until SIGTERM or SIGINT and return 0. Raises ConfigError."""
    path = settings.intake.web_config
    web_config = WebConfig() if path is None else read(path, "intake")
    refuse_open_listener(settings, web_config)
    hooks = compile_hooks(settings.intake.hooks)
    logs.set_up(settings.logs.level, settings.logs.format)
    asyncio.run(_serve(settings, web_config, hooks))
    return 0


def refuse_open_listener(settings: Settings, web_config: WebConfig) -> None:
    """Raise ConfigError if everybody on the network could send events."""
    listen = settings.intake.listen
    if not (is_loopback(listen.host) or settings.intake.tokens or web_config.authenticates):
        raise ConfigError(
            f"intake.listen: got {str(listen)!r}, allowed is an address of the loopback interface unless there are "
            "intake.tokens, or users or client certificates in intake.web_config. cxgauge intake token makes a token"
        )


async def _serve(settings: Settings, web_config: WebConfig, hooks: Mapping[str, CompiledHook]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sink, listen = KafkaSink(settings), settings.intake.listen
    metrics = IntakeMetrics([*certificate_files(settings.kafka), *web_config.certificates])
    app = application(settings.intake, web_config, hooks, sink, metrics=metrics)
    try:
        runner = await serve(app, settings.intake, web_config)
    except OSError as error:
        raise ConfigError(f"intake.listen: got {str(listen)!r}: {error.strerror}") from error
    listening(log, listen)
    tasks = [asyncio.create_task(work) for work in (sink.run(), keep_renewed(web_config), stop.wait())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await runner.cleanup()  # open requests are answered first, and they need the producer
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
