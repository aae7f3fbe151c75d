"""`cxgauge report`: write the figures of a window or period as a page, and send it by mail or chat."""

from stream.cli.report.command import report

__all__ = ["report"]
