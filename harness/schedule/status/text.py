"""The status of a run as text for people."""

from collections import Counter
from collections.abc import Mapping, Sequence

from harness.schedule.status import ACTIVE_PHASES, RunState, State, Status, TrialStatus
from harness.utils import escape
from harness.utils.escape import counted
from harness.utils.lock import Holder

_FEW_TRIALS = 5
_MAX_REASON = 2_000  # characters that are shown
_LIST_LIMITS: Mapping[State, int | None] = {
    "running": None,
    "failed": None,
    "left": None,
    "waiting": _FEW_TRIALS,
    "recorded": _FEW_TRIALS,
}


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


def format_drivers(states: Mapping[str, RunState]) -> str:
    """Format the states of all drivers of a folder, by their names; one that is alone has none."""
    if "" in states:
        return format_lines(states[""])
    phases = Counter(state.phase for state in states.values())
    counts = ", ".join(f"{count} {phase}" for phase, count in phases.items())
    blocks = [f"{name}: {format_lines(state)}" for name, state in states.items()]
    return "\n".join([f"{len(states)} shards: {counts}", *blocks])


def summary(state: RunState) -> str:
    """Return the first line of a state."""
    return format_lines(state).splitlines()[0]


def summaries(states: Mapping[str, RunState]) -> list[str]:
    """Return the first line of every state, after the name of its driver."""
    return [
        f"{name}: {summary(state)}" if name else summary(state) for name, state in states.items()
    ]


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
    trials, epochs = counted(len(status.parts), "trial"), counted(total, "epoch")
    return f"{trials}: {', '.join(states)}; {done:,} of {epochs}"


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
