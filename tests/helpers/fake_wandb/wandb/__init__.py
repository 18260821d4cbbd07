"""The part of wandb 0.31 that the sink calls, with its signatures; calls become lines of JSON.

Online the runs of a project are known by their ids and go on with their next step, in the folder
`server`; offline each process writes a run from its start. As wandb does, it refuses a second run
of one id in a process, drops steps that went by, and takes no unknown setting.
"""

import json
import os
from pathlib import Path

_KNOWN = {
    "console", "disable_code", "disable_git", "host", "init_timeout", "silent",
    "x_disable_machine_info", "x_disable_meta", "x_disable_stats", "x_save_requirements",
}  # fmt: skip
_open = {}


class Error(Exception):
    """As of `wandb.errors`."""


class ServerResponseError(Exception):
    """As of `wandb.sdk.mailbox`: not an `Error`."""


class Run:
    def __init__(self, path, name):
        self._path, self.id = path, name
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        self.step = max((row["step"] + 1 for row in rows if "step" in row), default=0)
        self.summary = Summary(self)
        _open[name] = self

    def log(self, data, step=None, commit=None):
        assert self.id in _open
        if step >= self.step:
            self._write({"log": data, "step": step})
            self.step = step + 1

    def finish(self, exit_code=None):
        del _open[self.id]
        self._write({"finish": exit_code})

    def _write(self, call):
        with self._path.open("a") as file:
            file.write(json.dumps(call) + "\n")


class Summary:
    def __init__(self, run):
        self._run = run

    def update(self, d=None):
        self._run._write({"summary": d})


def init(
    entity=None, project=None, dir=None, id=None, name=None, notes=None, tags=None, config=None,  # noqa: A002
    config_exclude_keys=None, config_include_keys=None, allow_val_change=None, group=None,
    job_type=None, mode=None, force=None, reinit=None, resume=None, resume_from=None,
    fork_from=None, save_code=None, tensorboard=None, sync_tensorboard=None, monitor_gym=None,
    settings=None,
):  # fmt: skip
    assert (resume, reinit) == ("allow", "create_new")
    assert set(settings or {}) <= _KNOWN
    mode = mode or os.environ.get("WANDB_MODE", "online")
    if mode == "online" and not os.environ.get("WANDB_API_KEY"):
        raise Error("No API key configured. Use `wandb login` to log in.")
    if id in _open:
        raise ServerResponseError(f"run ID {id} is in use")
    folder = Path(dir, "wandb", "server")
    path = folder / f"{id}.jsonl"
    if mode == "offline":
        number = len(list(folder.parent.glob("offline-run-*")))
        path = folder.with_name(f"offline-run-{number}-{id}") / f"run-{id}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    run = Run(path, id)
    run._write(
        {"init": {"project": project, "name": name, "group": group, "job_type": job_type,
                  "config": config}}
    )  # fmt: skip
    return run
