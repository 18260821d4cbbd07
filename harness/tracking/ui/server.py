"""The program behind `harness ui`: MLflow's server in one process, behind a guard.

`mlflow server` would start more processes, lets every page of this machine write, and starts
uvicorn with the current folder first on the import path.
"""

import os
import sys
import warnings

from harness.tracking.ui.request_guard import NAMES, RequestGuard
from harness.tracking.ui.tables import TablePages
from harness.utils.process import exit_with_starter

HOST = NAMES[0]


def main() -> None:
    """Serve the store of MLFLOW_BACKEND_STORE_URI; arguments: the port, the root of artifacts."""
    exit_with_starter()
    port = int(sys.argv[1])
    os.environ |= settings(os.environ["MLFLOW_BACKEND_STORE_URI"], artifacts=sys.argv[2], port=port)
    warnings.simplefilter("ignore")  # of libraries, about one another
    import uvicorn
    from mlflow import MlflowClient
    from mlflow.server.fastapi_app import app
    from mlflow.server.handlers import initialize_backend_stores

    store = os.environ["_MLFLOW_SERVER_FILE_STORE"]
    initialize_backend_stores(store, store, os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"])
    uvicorn.run(
        RequestGuard(TablePages(app, MlflowClient(store)), port),
        host=HOST,
        port=port,
        workers=1,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
    )


def settings(uri: str, *, artifacts: str, port: int) -> dict[str, str]:
    """Return what MLflow's server reads from its environment when it is imported."""
    hosts = [f"{name}:{port}" for name in NAMES]
    return {
        "_MLFLOW_SERVER_FILE_STORE": uri,
        "_MLFLOW_SERVER_REGISTRY_STORE": uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": artifacts,
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_IN_JOB_EXECUTOR": "false",
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(hosts),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(f"http://{host}" for host in hosts),
        "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
