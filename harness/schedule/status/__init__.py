"""The status of the run in a results folder, for anyone who sees the folder.

The driver replaces `run.json` whole; the lock names the driver and shows whether it lives. Clocks
of other machines are shown and never compared: a status is new if its number is higher, and
durations are measured by the driver.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from harness.utils import json_file, lock
from harness.utils.atomic import write_atomic
from harness.utils.lock import Holder
from harness.utils.redaction import redact_for_others

FILE = "run.json"
HEARTBEAT_S = 4.0
_HEARTBEAT_WAIT_S = 2.5 * HEARTBEAT_S
_POLL_S = 0.25
_MAX_BYTES = 100_000_000  # 1,000 trials take less than a megabyte

State = Literal["waiting", "running", "recorded", "failed", "left"]
Phase = Literal["starting", "running", "stopping", "ended", "interrupted", "broken"]
ACTIVE_PHASES: Sequence[Phase] = ("starting", "running", "stopping")


_BY_ATTENTION = (*ACTIVE_PHASES, "died", "broken", "interrupted", "ended")


@dataclass(frozen=True, kw_only=True)
class TrialStatus:
    """One trial of a run.

    Attributes:
        key: Of its record.
        name: Table, rows and seed.
        state: `left` means begun; the next run resumes it.
        epoch: Finished epochs.
        epochs: All its epochs.
        top1: Of its record; before that, of the last tested epoch.
        waited: Share of the time of its last epoch, or of all once it is recorded, that training
            waited for data.
        advice: How to wait less, in a sentence; empty where nothing is to be gained.
        where: Node and devices.
        why: Reason of its failure, in a sentence.
    """

    key: str
    name: str
    state: State
    epoch: int
    epochs: int
    top1: float | None = None
    waited: float | None = None
    advice: str = ""
    where: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Status:
    """The status file, as the driver writes it.

    Attributes:
        run: Name of the run, as in the lock.
        sequence: Grows with every write.
        phase: Stage of the run.
        why: Reason of its end, or of its wait, in a sentence.
        seconds: Since the start, by the driver's monotonic clock.
        seconds_left: An estimate; None before the first epoch.
        at: Time of writing, by the driver's clock, UTC; to be shown only.
        parts: Every trial.
    """

    run: str
    sequence: int
    phase: Phase
    why: str = ""
    seconds: float = 0.0
    seconds_left: float | None = None
    at: str = ""
    parts: Sequence[TrialStatus] = ()

    def count(self, state: State) -> int:
        """Count the trials in a state."""
        return sum(trial.state == state for trial in self.parts)


@dataclass(frozen=True, kw_only=True)
class RunState:
    """The state of the latest run in a results folder.

    Attributes:
        holder: The driver now, or the last one; None if no run was ever here.
        status: Its last status; None if it has written none.
        gone: The driver ended without a last status.
        sure: Whether `gone` was seen of the process itself; on another machine, only the file
            system can tell.
    """

    holder: Holder | None
    status: Status | None
    gone: bool
    sure: bool = True

    @property
    def phase(self) -> str:
        """Return one word: a phase, `died`, or `nothing`."""
        if self.holder is None:
            return "nothing"
        if self.gone:
            return "died"
        return self.status.phase if self.status else "starting"


def write(results: Path, status: Status) -> None:
    """Replace the status file."""
    body = asdict(status) | {"why": redact_for_others(status.why, results)}
    body["parts"] = [_trial_body(trial, results) for trial in status.parts]
    write_atomic(results / FILE, json.dumps(body, ensure_ascii=False).encode())


def _trial_body(trial: TrialStatus, results: Path) -> dict[str, Any]:
    body = {name: value for name, value in vars(trial).items() if value not in (None, "")}
    return body | ({"why": redact_for_others(trial.why, results)} if trial.why else {})


def read(results: Path) -> Status | None:
    """Read the status file; None if it is missing or damaged."""
    body = json_file.find(results / FILE, "status", max_bytes=_MAX_BYTES)
    if body is None:
        return None
    trials = tuple(TrialStatus(**trial) for trial in body["parts"])
    return Status(**body | {"parts": trials})


def inspect_run(results: Path) -> RunState:
    """Inspect the run in a folder; waits for a heartbeat where locks may not reach other machines.

    Returns:
        Its state.
    """
    holder = lock.read_holder(results)
    if holder is None:
        return RunState(holder=None, status=None, gone=False)
    status = _read_run(holder, results)
    if _has_ended(status):
        return RunState(holder=holder, status=status, gone=False)
    is_alive = holder.is_alive
    if is_alive or (is_alive is None and _shows_life(results, holder, status)):
        return RunState(holder=holder, status=_read_run(holder, results), gone=False)
    # Its last status may have come since.
    status = _read_run(holder, results)
    sure = is_alive is not None
    return RunState(holder=holder, status=status, gone=not _has_ended(status), sure=sure)


def _read_run(holder: Holder, results: Path) -> Status | None:
    """Read the status of one run; None if the file is still that of an earlier one."""
    status = read(results)
    return status if status is not None and status.run == holder.run else None


def _has_ended(status: Status | None) -> bool:
    return status is not None and status.phase not in ACTIVE_PHASES


def _shows_life(results: Path, holder: Holder, before: Status | None) -> bool:
    """Return whether the lock is held, or the number in the status file grows."""
    if lock.is_held(results):
        return True
    sequence = before.sequence if before else -1
    deadline = time.monotonic() + _HEARTBEAT_WAIT_S
    while time.monotonic() < deadline:
        time.sleep(_POLL_S)
        now = _read_run(holder, results)
        if now is not None and now.sequence > sequence:
            return True
    return False


def as_json(state: RunState) -> dict[str, Any]:
    """Return the whole state as JSON holds it."""
    return {"phase": state.phase, **asdict(state)}


def shards_as_json(states: Mapping[str, RunState]) -> dict[str, Any]:
    """Return the states of shards as JSON holds them, with the phase that most needs attention."""
    phases = {state.phase for state in states.values()}
    phase = next((phase for phase in _BY_ATTENTION if phase in phases), "nothing")
    return {"phase": phase, "shards": {name: as_json(state) for name, state in states.items()}}
