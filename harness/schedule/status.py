"""What a run in a results folder does or did, for whoever sees the folder.

The driver replaces `run.json` whole; the lock says who the driver is and whether it lives. Clocks
of other machines are shown and never compared: news is what has a higher number, and time that
went by was measured by the driver.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from harness.utils import lock
from harness.utils.atomic import write_atomic
from harness.utils.lock import Holder

FILE = "run.json"
BEAT_S = 4.0
_WATCHED_S = 2.5 * BEAT_S
_LOOK_S = 0.25

_FEW = 5

State = Literal["waiting", "running", "recorded", "failed", "left"]
Phase = Literal["starting", "running", "stopping", "ended", "interrupted", "broken"]
AT_WORK: Sequence[Phase] = ("starting", "running", "stopping")
_SHOWN: Mapping[State, int | None] = {
    "running": None,
    "failed": None,
    "left": None,
    "waiting": _FEW,
    "recorded": _FEW,
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One trial of a run.

    Attributes:
        key: Of its record.
        name: Table, rows and seed.
        state: `left` was begun and goes on in the next run.
        epoch: Finished epochs.
        epochs: Of how many.
        top1: Of its record; before that, of the last epoch that was tested.
        where: Node and devices.
        why: Why it failed, in a sentence.
    """

    key: str
    name: str
    state: State
    epoch: int
    epochs: int
    top1: float | None = None
    where: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Status:
    """What the driver says.

    Attributes:
        run: The run, as in the lock.
        sequence: Grows with every writing.
        phase: How far the run is.
        why: What ended it, or what it waits for, in a sentence.
        seconds: Since the start, by the driver's monotonic clock.
        seconds_left: An estimate; None before the first epoch.
        at: When it was written, by the driver's clock, UTC; to be shown only.
        parts: Every trial.
    """

    run: str
    sequence: int
    phase: Phase
    why: str = ""
    seconds: float = 0.0
    seconds_left: float | None = None
    at: str = ""
    parts: Sequence[Part] = ()

    def count(self, state: State) -> int:
        """Count the trials in a state."""
        return sum(part.state == state for part in self.parts)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a results folder says.

    Attributes:
        holder: Who runs there, or ran last; None if nobody did.
        status: What it said last; None if it said nothing yet.
        gone: It ended without a word, or before it could say one.
        sure: Whether that is known of the process itself; on another machine, it is what the
            file system says.
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
    body = asdict(status) | {"parts": [_brief(part) for part in status.parts]}
    write_atomic(results / FILE, json.dumps(body, ensure_ascii=False).encode())


def _brief(part: Part) -> dict[str, Any]:
    return {name: value for name, value in vars(part).items() if value not in (None, "")}


def read(results: Path) -> Status | None:
    """Read what the driver said last; None if it said nothing that can be read."""
    try:
        body = json.loads((results / FILE).read_bytes())
        return Status(**body | {"parts": tuple(Part(**each) for each in body["parts"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def look(results: Path) -> Found:
    """Look what runs in a folder; waits for a sign where locks may not reach another machine."""
    holder = lock.holder(results)
    if holder is None:
        return Found(holder=None, status=None, gone=False)
    status = _of(holder, results)
    if _has_ended(status):
        return Found(holder=holder, status=status, gone=False)
    lives = holder.lives
    if lives or (lives is None and (lock.is_held(results) or _beats(results, holder, status))):
        return Found(holder=holder, status=_of(holder, results), gone=False)
    # Its last word may have come since.
    status = _of(holder, results)
    sure = lives is not None
    return Found(holder=holder, status=status, gone=not _has_ended(status), sure=sure)


def _of(holder: Holder, results: Path) -> Status | None:
    """Read what one run said; None if the file is still that of an earlier one."""
    found = read(results)
    return found if found is not None and found.run == holder.run else None


def _has_ended(status: Status | None) -> bool:
    return status is not None and status.phase not in AT_WORK


def _beats(results: Path, holder: Holder, before: Status | None) -> bool:
    """Watch for a higher number in the status file."""
    seen = before.sequence if before else -1
    until = time.monotonic() + _WATCHED_S
    while time.monotonic() < until:
        time.sleep(_LOOK_S)
        now = _of(holder, results)
        if now is not None and now.sequence > seen:
            return True
    return False


def as_json(found: Found) -> dict[str, Any]:
    """Return all of it as JSON holds it."""
    return {"phase": found.phase, **asdict(found)}


def text(found: Found) -> str:
    """Say it line by line: running and failed trials each, of the others the first few."""
    holder, status = found.holder, found.status
    if holder is None:
        return "nothing runs here, and nothing is known of an earlier run"
    lines = [_head(found, holder)]
    if status is not None and status.parts:
        lines.append(_counts(status))
        for state, shown in _SHOWN.items():
            lines += _listed([part for part in status.parts if part.state == state], shown)
    return "\n".join(lines)


def _head(found: Found, holder: Holder) -> str:
    status, who = found.status, f"process {holder.pid} on {holder.host}"
    began = f"{holder.what}, begun {holder.since} by {who}"
    if found.gone:
        how = "" if found.sure else ", as far as the file system tells"
        last = f" (its last word is of {status.at})" if status else ""
        return f"died: the driver is gone{how}{last}: {began}; the same command goes on"
    if status is None:
        return str(holder)
    why = f": {status.why}" if status.why else ""
    if status.phase in AT_WORK:
        left = status.seconds_left
        rest = "" if left is None else f", about {duration(left)} left"
        return f"{status.phase}{why}: {holder}, for {duration(status.seconds)}{rest}"
    took = duration(status.seconds)
    return f"{status.phase} at {status.at} after {took}{why}: {began}"


def _counts(status: Status) -> str:
    states = [f"{count} {state}" for state in _SHOWN if (count := status.count(state))]
    done = sum(part.epoch for part in status.parts)
    every = sum(part.epochs for part in status.parts)
    return f"{len(status.parts):,} trials: {', '.join(states)}; {done:,} of {every:,} epochs"


def _listed(parts: Sequence[Part], shown: int | None) -> list[str]:
    lines = [f"  {part.state:9}{_line(part)}" for part in parts[:shown]]
    more = len(parts) - len(lines)
    return [*lines, f"  {'':9}and {more:,} more {parts[0].state}"] if more else lines


def _line(part: Part) -> str:
    said = [part.why]
    if part.state in ("running", "left"):
        said = [f"epoch {part.epoch} of {part.epochs}"]
    if part.state in ("running", "left", "recorded") and part.top1 is not None:
        said.append(f"top-1 {part.top1:.1f} %")
    said.append(f"on {part.where}" if part.where and part.state == "running" else "")
    return ": ".join(filter(None, (part.name, ", ".join(filter(None, said)))))


def duration(seconds: float) -> str:
    """Say how long something takes, in its two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
