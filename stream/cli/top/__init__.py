"""`cxgauge top`: show the metrics of an exporter in the terminal."""

from stream.cli.top.command import top

__all__ = ["top"]
