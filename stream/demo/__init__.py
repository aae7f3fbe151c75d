"""`cxgauge demo`: the whole product on one machine, with made-up customers."""

from stream.demo.command import demo

__all__ = ["demo"]
