"""What the sandbox of the service forbids, tried from inside.

Usage: probe.py OF_THE_HOST [SETTING]
Prints one line a probe: its name, then `shut`, or `open` where the thing worked. A name begins with the
setting of the unit that shuts it; with SETTING only that one's probes run. The same probes run as root
without the sandbox too: one that is shut there proves nothing, and the test says so.
OF_THE_HOST is a file with what the machine outside looks like, one `name value` a line: the namespaces of
process 1, the device of /dev, and the path of a device node that anybody may open.
"""

import ctypes
import errno
import mmap
import os
import pathlib
import platform
import resource
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if getattr(libc, function)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), function)


def must(truth):
    if not truth:
        raise PermissionError


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


def in_child(attempt):
    """For what may end the process: whether a child came through it."""
    pid = os.fork()
    if pid == 0:
        try:
            attempt()
        except OSError:
            os._exit(1)
        os._exit(0)
    must(os.waitpid(pid, 0)[1] == 0)


def keyctl(*arguments):
    number = {"x86_64": 250, "aarch64": 219}[platform.machine()]
    result = libc.syscall(number, *arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), "keyctl")
    return result


def users_keyring():
    """Whether what the user's other processes keep in the kernel can be had: its keyring hangs on ours."""
    users = keyctl(0, -4, 1)  # KEYCTL_GET_KEYRING_ID of the user's
    held = ctypes.create_string_buffer(4096)
    length = keyctl(11, -3, held, len(held))  # KEYCTL_READ of the session's
    must(users in struct.unpack(f"{length // 4}i", held.raw[: length // 4 * 4]))


def foreign_architecture():
    """A system call as another architecture makes it. A kernel without that one says so, which is an answer too."""
    if platform.machine() != "x86_64":
        raise OSError("no way to try it on this architecture")

    def attempt():
        if libc.syscall(0x40000000 | 39) == -1:  # getpid of the x32 ABI
            must(ctypes.get_errno() == errno.ENOSYS)

    in_child(attempt)


def few_files():
    """Whether the soft limit is what every service has, rather than the unit's or the most that there is here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    must(soft < min(65536, hard))


def realtime():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


PROBES = {
    "User": lambda: must(os.getuid() == 0),
    "UMask": lambda: must(os.umask(0o77) != 0o77),
    "NoNewPrivileges": lambda: must(status("NoNewPrivs") == "0"),
    "CapabilityBoundingSet": lambda: must(int(status("CapBnd"), 16) != 1 << 10),
    "AmbientCapabilities (only the one)": lambda: must(int(status("CapEff"), 16) != 1 << 10),
    "Group": lambda: must(os.getgid() == 0),
    "LimitNOFILE": few_files,
    "LimitCORE": lambda: must(resource.getrlimit(resource.RLIMIT_CORE)[1] != 0),
    "DevicePolicy": lambda: os.close(os.open(of_the_host("node"), os.O_RDWR)),
    "KeyringMode": users_keyring,
    "LockPersonality": lambda: call("personality", 0x0040000),
    "MemoryDenyWriteExecute": execute_what_was_written,
    "PrivateDevices": lambda: must(str(os.stat("/dev").st_dev) == of_the_host("dev")),
    "PrivateIPC": lambda: same_namespace("ipc"),
    "PrivateMounts": lambda: same_namespace("mnt"),
    "PrivateTmp": lambda: must(os.path.exists("/tmp/of-the-host")),
    "ProcSubset": lambda: pathlib.Path("/proc/cpuinfo").read_text(),
    "ProtectClock": lambda: call("adjtimex", ctypes.create_string_buffer(512)),
    "ProtectControlGroups": lambda: writable_mount("/sys/fs/cgroup"),
    "ProtectHome (/root)": lambda: os.listdir("/root") or must(False),
    "ProtectHome (/home)": lambda: os.listdir("/home") or must(False),
    "ProtectHostname": lambda: same_namespace("uts"),
    "ProtectKernelLogs": lambda: call("klogctl", 10, None, 0),
    "ProtectKernelModules": lambda: os.listdir("/usr/lib/modules"),
    "ProtectKernelTunables": lambda: writable_mount("/proc/sys/net"),
    "ProtectProc": lambda: must(os.path.exists("/proc/1")),
    "ProtectSystem (/usr)": lambda: writable_mount("/usr"),
    "ProtectSystem (/etc)": lambda: writable_mount("/etc"),
    "ProtectSystem (/var)": lambda: writable_mount("/var"),
    "RestrictAddressFamilies (netlink)": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close(),
    "RestrictNamespaces (user)": lambda: in_child(lambda: call("unshare", 0x10000000)),
    "RestrictNamespaces (network)": lambda: in_child(lambda: call("unshare", 0x40000000)),
    "RestrictRealtime": realtime,
    "RestrictSUIDSGID": set_bits,
    "SystemCallArchitectures": foreign_architecture,
    "SystemCallFilter (ptrace)": lambda: call("ptrace", 0, 0, 0, 0),
    "SystemCallFilter (chroot)": lambda: call("chroot", b"/"),
    "SystemCallFilter (@resources)": lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
}

wanted = sys.argv[2:]
for name, probe in PROBES.items():
    if wanted and name.split(" ")[0] not in wanted:
        continue
    try:
        probe()
        print(f"{name}: open")
    except OSError:
        print(f"{name}: shut")
