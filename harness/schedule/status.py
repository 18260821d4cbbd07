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

from harness.utils import escape, json_file, lock
from harness.utils.atomic import write_atomic
from harness.utils.lock import Holder
from harness.utils.redaction import redact_for_others

FILE = "run.json"
HEARTBEAT_S = 4.0
_HEARTBEAT_WAIT_S = 2.5 * HEARTBEAT_S
_POLL_S = 0.25

_FEW_TRIALS = 5
_MAX_BYTES = 100_000_000  # 1,000 trials take less than a megabyte
_MAX_REASON = 2_000  # characters that are shown

State = Literal["waiting", "running", "recorded", "failed", "left"]
Phase = Literal["starting", "running", "stopping", "ended", "interrupted", "broken"]
ACTIVE_PHASES: Sequence[Phase] = ("starting", "running", "stopping")
_LIST_LIMITS: Mapping[State, int | None] = {
    "running": None,
    "failed": None,
    "left": None,
    "waiting": _FEW_TRIALS,
    "recorded": _FEW_TRIALS,
}


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


def format_lines(state: RunState) -> str:
    """Format a state: all running and failed trials, and the first few of the others."""
    holder, status = state.holder, state.status
    if holder is None:
        return "nothing runs here, and no earlier run is known"
    lines = [_first_line(state, holder)]
    if status is not None and status.parts:
        lines.append(_counts_line(status))
        for name, limit in _LIST_LIMITS.items():
            lines += _trial_lines([trial for trial in status.parts if trial.state == name], limit)
    return "\n".join(lines)


def _first_line(state: RunState, holder: Holder) -> str:
    status, driver = state.status, f"process {holder.pid} on {escape.name(holder.host)}"
    run = f"{escape.name(holder.what)}, started {escape.name(holder.since)} by {driver}"
    if state.gone:
        doubt = "" if state.sure else ", as far as the file system tells"
        last = f" (its last status is of {escape.name(status.at)})" if status else ""
        return f"died: the driver is gone{doubt}{last}: {run}; the same command resumes the run"
    if status is None:
        return escape.name(str(holder), longest=_MAX_REASON)
    why = f": {escape.name(status.why, longest=_MAX_REASON)}" if status.why else ""
    duration = format_duration(status.seconds)
    if status.phase in ACTIVE_PHASES:
        left = status.seconds_left
        rest = "" if left is None else f", about {format_duration(left)} left"
        shown = escape.name(str(holder), longest=_MAX_REASON)
        return f"{status.phase}{why}: {shown}, for {duration}{rest}"
    return f"{status.phase} at {escape.name(status.at)} after {duration}{why}: {run}"


def _counts_line(status: Status) -> str:
    states = [f"{count} {state}" for state in _LIST_LIMITS if (count := status.count(state))]
    done = sum(trial.epoch for trial in status.parts)
    total = sum(trial.epochs for trial in status.parts)
    return f"{len(status.parts):,} trials: {', '.join(states)}; {done:,} of {total:,} epochs"


def _trial_lines(trials: Sequence[TrialStatus], limit: int | None) -> list[str]:
    lines = [f"  {trial.state:9}{_trial_line(trial)}" for trial in trials[:limit]]
    more = len(trials) - len(lines)
    return [*lines, f"  {'':9}and {more:,} more {trials[0].state}"] if more else lines


def _trial_line(trial: TrialStatus) -> str:
    phrases = [escape.name(trial.why, longest=_MAX_REASON)]
    if trial.state in ("running", "left"):
        phrases = [f"epoch {trial.epoch} of {trial.epochs}"]
    if trial.state in ("running", "left", "recorded") and trial.top1 is not None:
        phrases.append(f"top-1 {trial.top1:.1f} %")
    if trial.state in ("running", "recorded") and trial.waited is not None:
        share = f"waits {100 * trial.waited:.0f} % of its time for data"
        advice = escape.name(trial.advice, longest=_MAX_REASON)
        phrases.append(f"{share}: {advice}" if trial.advice else share)
    phrases.append(
        f"on {escape.name(trial.where)}" if trial.where and trial.state == "running" else ""
    )
    return ": ".join(filter(None, (escape.name(trial.name), ", ".join(filter(None, phrases)))))


def format_duration(seconds: float) -> str:
    """Format a duration in its two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
