"""A quantized model on one page: what it holds, computes and loses; and each figure of it alone."""

from __future__ import annotations

from qref.report.collect import Report, report

__all__ = ["Report", "report"]
