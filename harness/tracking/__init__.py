"""The MLflow store of runs; only this package imports MLflow, and only when a store opens."""

from harness.tracking.errors import TrackingError
from harness.tracking.uri import is_server, store_uri
from harness.utils.redaction import redact

__all__ = ["TrackingError", "is_server", "redact", "store_uri"]
