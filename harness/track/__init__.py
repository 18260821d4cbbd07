"""The store of runs in MLflow: this package alone knows it, and imports it when a store opens."""

from harness.track.address import (
    ENVIRONMENT,
    TrackingError,
    artifacts,
    explain,
    explained,
    is_server,
    patient,
    redact,
    store_uri,
    troubles,
)
from harness.track.apart import Apart, Task, opened
from harness.track.content import CURVES, Output, Subject, Table, subjects
from harness.track.store import Store

__all__ = [
    "CURVES",
    "ENVIRONMENT",
    "Apart",
    "Output",
    "Store",
    "Subject",
    "Table",
    "Task",
    "TrackingError",
    "artifacts",
    "explain",
    "explained",
    "is_server",
    "opened",
    "patient",
    "redact",
    "store_uri",
    "subjects",
    "troubles",
]
