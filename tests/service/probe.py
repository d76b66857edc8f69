"""What the sandbox of the service forbids, tried from inside.

Usage: probe.py OF_THE_HOST
Prints one line a probe: its name, then `shut`, or `open` where the thing worked. The same probes run a
second time as root without the sandbox: one that is shut there too proves nothing, and the test says so.
OF_THE_HOST is a file with the namespaces of process 1 and the device of /dev, one `name id` a line.
"""

import ctypes
import mmap
import os
import pathlib
import resource
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if getattr(libc, function)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), function)


def must(truth):
    if not truth:
        raise PermissionError


def write(path):
    with open(path, "w") as file:
        file.write("x")


def writable_mount(path):
    """Whether the mount that holds the path may be written to, whoever asks."""
    must(not os.statvfs(path).f_flag & os.ST_RDONLY)


def status(field):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return line.split(":")[1].strip()
    raise RuntimeError(field)


def of_the_host(name):
    return dict(line.split() for line in pathlib.Path(sys.argv[1]).read_text().splitlines())[name]


def same_namespace(name):
    must(os.readlink(f"/proc/self/ns/{name}") == of_the_host(name))


def set_bits():
    path = pathlib.Path(os.environ.get("STATE_DIRECTORY", "/var/tmp")) / "probe-suid"
    path.touch()
    try:
        os.chmod(path, 0o4755)
    finally:
        path.unlink()


def execute_what_was_written():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def unshare_in_child(flag):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if libc.unshare(flag) == 0 else 1)
    must(os.waitpid(pid, 0)[1] == 0)


def realtime():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


PROBES = {
    "User": lambda: must(os.getuid() == 0),
    "UMask": lambda: must(os.umask(0o77) != 0o77),
    "NoNewPrivileges": lambda: must(status("NoNewPrivs") == "0"),
    "CapabilityBoundingSet": lambda: must(int(status("CapBnd"), 16) != 1 << 10),
    "AmbientCapabilities (only the one)": lambda: must(int(status("CapEff"), 16) != 1 << 10),
    "LimitCORE": lambda: must(resource.getrlimit(resource.RLIMIT_CORE)[1] != 0),
    "LockPersonality": lambda: call("personality", 0x0040000),
    "MemoryDenyWriteExecute": execute_what_was_written,
    "PrivateDevices": lambda: must(str(os.stat("/dev").st_dev) == of_the_host("dev")),
    "PrivateIPC": lambda: same_namespace("ipc"),
    "PrivateMounts": lambda: same_namespace("mnt"),
    "PrivateTmp": lambda: must(os.path.exists("/tmp/of-the-host")),
    "ProcSubset": lambda: pathlib.Path("/proc/cpuinfo").read_text(),
    "ProtectControlGroups": lambda: writable_mount("/sys/fs/cgroup"),
    "ProtectHome (/root)": lambda: os.listdir("/root") or must(False),
    "ProtectHome (/home)": lambda: os.listdir("/home") or must(False),
    "ProtectHostname": lambda: same_namespace("uts"),
    "ProtectKernelModules": lambda: os.listdir("/usr/lib/modules"),
    "ProtectKernelTunables": lambda: writable_mount("/proc/sys/net"),
    "ProtectProc": lambda: must(os.path.exists("/proc/1")),
    "ProtectSystem (/usr)": lambda: writable_mount("/usr"),
    "ProtectSystem (/etc)": lambda: writable_mount("/etc"),
    "ProtectSystem (/var)": lambda: writable_mount("/var"),
    "RestrictAddressFamilies (netlink)": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close(),
    "RestrictNamespaces (user)": lambda: unshare_in_child(0x10000000),
    "RestrictNamespaces (network)": lambda: unshare_in_child(0x40000000),
    "RestrictRealtime": realtime,
    "RestrictSUIDSGID": set_bits,
    "SystemCallFilter (ptrace)": lambda: call("ptrace", 0, 0, 0, 0),
    "SystemCallFilter (chroot)": lambda: call("chroot", b"/"),
    "SystemCallFilter (@resources)": lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
}

for name, probe in PROBES.items():
    try:
        probe()
        print(f"{name}: open")
    except OSError:
        print(f"{name}: shut")
