"""Processes, as the system sees them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path


def children_of(parent: int) -> list[int]:
    """The processes that a process has started, and those that these have."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = {int(pid): int(above) for pid, above in map(str.split, listed.splitlines())}
    found = {parent}
    while more := {pid for pid, above in parents.items() if above in found} - found:
        found |= more
    return sorted(found - {parent})


def memory(processes: Iterable[int]) -> int:
    """What processes hold in memory, in MiB."""
    pids = ",".join(map(str, processes))
    listed = subprocess.run(
        ["ps", "-o", "rss=", "-p", pids], capture_output=True, text=True, check=False
    ).stdout
    return sum(map(int, listed.split())) >> 10


# --- From /proc, so on Linux only -----------------------------------------------------------------


def state_of(pid: int | str) -> list[str]:
    """What /proc/PID/stat says after the name: state, parent, group and so on.

    Raises:
        OSError: there is no such process.
    """
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def alive(processes: Iterable[int]) -> list[int]:
    """Those that still run."""
    found = []
    for pid in processes:
        try:
            if state_of(pid)[0] != "Z":
                found.append(pid)
        except OSError:
            continue
    return found


def group(leader: int) -> Iterator[tuple[int, list[str]]]:
    """The processes of a group, and what `state_of` them is."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = state_of(folder.name)
        except OSError:
            continue  # it has ended
        if int(state[2]) == leader:
            yield int(folder.name), state


def peak_memory(leader: int) -> int:
    """The most memory that one process of a group ever had, in bytes."""
    peak = 0
    for pid, _ in group(leader):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            peak = max(peak, int(status.partition("VmHWM:")[2].split()[0]) * 1024)
        except (OSError, IndexError):
            continue  # it has ended
    return peak


def cpu_seconds(leader: int) -> float:
    """How long the processes of a group have computed."""
    ticks = sum(int(state[11]) + int(state[12]) for _, state in group(leader))
    return ticks / os.sysconf("SC_CLK_TCK")
