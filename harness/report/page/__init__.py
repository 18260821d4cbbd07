"""A page of all tables in one file: styles, script and pictures are embedded."""

from harness.report.page.document import write
from harness.report.page.sections import Section, section

__all__ = ["Section", "section", "write"]
