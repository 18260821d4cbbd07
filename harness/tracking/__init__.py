"""The store of runs in MLflow: this package alone knows it, and imports it when a store opens."""

from harness.tracking.runs import CURVES, Subject, Table, subjects
from harness.tracking.store import Store
from harness.tracking.uri import (
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
from harness.tracking.worker import StoreProcess, Task, opened

__all__ = [
    "CURVES",
    "ENVIRONMENT",
    "Store",
    "StoreProcess",
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
