"""The domain of `cx.feedback`: answers to surveys, their offers, and customers who answer."""

from stream.core.aggregation.feedback.domain import Feedback

__all__ = ["Feedback"]
