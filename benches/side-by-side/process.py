"""One started program: pinned to a core, watched through /proc, ended by its own pid.

Nothing here knows what the program does. Invariant: only processes started here are ever signalled.
"""

import os
import signal
import subprocess
from pathlib import Path

TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")


def log_of(name, folder, ending="-access.log"):
    """Beside the folder that holds a program's configuration, not in it: nexmo-gate watches that one for changes."""
    logs = folder.parent / "logs"
    logs.mkdir(exist_ok=True)
    return logs / f"{name}{ending}"


class Process:
    def __init__(self, name, command, core, folder, environment=None):
        self.name = name
        self.output = log_of(name, folder, ".stderr")
        self.log = log_of(name, folder)
        # setpriv: if this program is killed outright, the kernel ends what it started.
        pinned = ["setpriv", "--pdeathsig", "TERM", "taskset", "-c", str(core), *command]
        # The log is opened for appending: for HAProxy it is the standard output.
        with open(self.log, "ab") as log, open(self.output, "ab") as output:
            self.child = subprocess.Popen(
                pinned, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=output, env=environment
            )

    def died(self):
        """What the program said when it ended by itself, or None while it runs."""
        if self.child.poll() is None:
            return None
        said = self.output.read_text(errors="replace")[-2000:].strip()
        return f"{self.name} ended with status {self.child.returncode}: {said or '(it said nothing)'}"

    def cpu_us(self):
        """CPU time so far in microseconds: user and system, all threads, children too (nginx has a worker)."""
        total = 0
        for pid in self.family():
            fields = _stat(pid)
            total += int(fields[11]) + int(fields[12])
        return total * TICK_US

    def resident_kb(self):
        """Resident memory of the process that did most of the work: for nginx the worker, without its idle master."""
        worker = max(self.family(), key=lambda pid: int(_stat(pid)[11]) + int(_stat(pid)[12]))
        for line in Path(f"/proc/{worker}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError(f"{self.name}: no VmRSS for its process")

    def stop(self):
        if self.child.poll() is not None:
            return
        # TERM is at once for nginx and HAProxy, and for the gate as soon as it is idle.
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            for pid in self.family():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # it ended in the meantime
            self.child.wait()

    def family(self):
        """Own pid, and every process below it."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    parents[int(entry)] = int(_stat(entry)[1])
                except (FileNotFoundError, ProcessLookupError):
                    pass  # it ended while the folder was read
        family = [self.child.pid]
        for pid in family:  # grows while it is walked
            family += [child for child, parent in parents.items() if parent == pid]
        return family


def _stat(pid):
    """Fields of /proc/PID/stat from the state on: [1] is the parent, [11] user and [12] system time in ticks."""
    text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    # The second field is the command in brackets, and may itself hold blanks and brackets.
    return text.rpartition(")")[2].split()


def core_busy_us(core):
    """Busy time of one core so far in microseconds, whoever used it: everything but idle and waiting for a disk."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, ticks[:8])
            return (user + nice + system + irq + softirq + steal) * TICK_US
    raise RuntimeError(f"/proc/stat has no core {core}")
