"""A firewall is replaced again and again while an admitted sender and a stranger connect all the time."""

import errno
import os
import select
import socket
import subprocess
import threading
import time

from common import Stand, needs, run

needs("nft", "ip", "unshare", "nsenter")
CONNECTIONS, REPLACED, STRANGERS = 10_000, 100, 2_000
# A bound, whatever happens.
MOST = 500_000
GATE, ADMITTED, STRANGER, PORT = "203.0.113.1", "198.51.100.2", "198.51.100.200", 443


def two_machines():
    """The senders have a network of their own. Who lives in it is a process that only waits."""
    senders = subprocess.Popen(["unshare", "--net", "sleep", "480"])
    for _ in range(400):
        if os.readlink(f"/proc/{senders.pid}/ns/net") != os.readlink("/proc/self/ns/net"):
            break
        time.sleep(0.01)
    there = ["nsenter", f"--net=/proc/{senders.pid}/ns/net"]
    run("ip", "link", "add", "gate", "type", "veth", "peer", "name", "out", "netns", str(senders.pid))
    for words in (f"addr add {GATE}/32 dev gate", "link set gate up", "link set lo up", "route add 198.51.100.0/24 dev gate"):
        run("ip", *words.split())
    for words in (f"addr add {ADMITTED}/32 dev out", f"addr add {STRANGER}/32 dev out", "link set out up", f"route add {GATE} dev out"):
        run(*there, "ip", *words.split())
    return senders


def listen(seen, over):
    server = socket.create_server((GATE, PORT), backlog=4096)
    server.settimeout(0.2)
    while not over.is_set():
        try:
            conn, peer = server.accept()
        except TimeoutError:
            continue
        seen[peer[0]] = seen.get(peer[0], 0) + 1
        conn.close()
    server.close()


def enter(pid):
    """This process goes over to the senders' network."""
    with open(f"/proc/{pid}/ns/net") as network:
        if hasattr(os, "setns"):
            os.setns(network.fileno(), os.CLONE_NEWNET)
        else:
            import ctypes

            if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), 0x40000000) != 0:
                raise OSError(ctypes.get_errno(), "setns")


def strangers_begin():
    """None of these may ever come to an end; SYNs are sent again after 1, 2, 4 seconds."""
    begun = []
    for _ in range(STRANGERS // 4):
        conn = socket.socket()
        conn.setblocking(False)
        conn.bind((STRANGER, 0))
        if conn.connect_ex((GATE, PORT)) != errno.EINPROGRESS:
            raise SystemExit("a stranger's connection ended at once")
        begun.append(conn)
    return begun


def send(enough, report):
    """Connections of both, until the firewall was replaced often enough; writes how they ended."""
    done, refused, begun, over = 0, 0, [], False
    while done < MOST and (done < CONNECTIONS or not over):
        if done % (CONNECTIONS // 4) == 0 and len(begun) < STRANGERS:
            begun += strangers_begin()
        try:
            conn = socket.socket()
            # A dropped SYN would be sent again after a second: that is a refusal here.
            conn.settimeout(0.9)
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            conn.bind((ADMITTED, 0))
            conn.connect((GATE, PORT))
        except OSError:
            refused += 1
        finally:
            conn.close()
        done += 1
        over = over or bool(select.select([enough], [], [], 0)[0])
    poll = select.poll()
    for conn in begun:
        poll.register(conn)
    admitted = len(poll.poll(0))
    os.write(report, f"{done} {refused} {len(begun)} {admitted}".encode())


stand = Stand()
texts = [text for _, text in stand.texts("nft-chain")]
run("nft", "-f", "-", text=texts[0])
machines = two_machines()
seen, over = {}, threading.Event()
server = threading.Thread(target=listen, args=(seen, over))
server.start()
enough, often = os.pipe()
reading, report = os.pipe()
child = os.fork()
if child == 0:
    try:
        enter(machines.pid)
        send(enough, report)
    finally:
        os._exit(0)
os.close(report)
try:
    for number in range(REPLACED):
        run("nft", "-f", "-", text=texts[number % 2])
    during = sum(seen.values())
    os.write(often, b"1")
    done, refused, strangers, admitted = map(int, os.read(reading, 100).split())
finally:
    os.waitpid(child, 0)
    machines.kill()
    machines.wait()
    over.set()
    server.join()
print(f"  replaced {REPLACED} times during {during} of {done} connections of an admitted sender: {refused} refused")
print(f"  of {strangers} connections of a stranger, {admitted} admitted; the server saw {seen}")
if refused or admitted or seen != {ADMITTED: done}:
    raise SystemExit("that is not as it must be")
