"""Plays a service manager: hands `flow serve` a socket, and prints what it is told, each thing when it first comes."""

import os
import signal
import socket
import sys
import tempfile


def listen(kind, folder):
    if kind != "unix":
        return socket.create_server((kind, 0))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.join(folder, "socket"))
    listener.listen()
    return listener


def status_of_livez(place):
    family = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET
    with socket.socket(family) as peer:
        peer.connect(place)
        peer.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return int(peer.recv(1000).split()[1])


def run_to_end(begin):
    child = os.fork()
    if child == 0:
        begin()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main():
    binary, flow, store, kind = sys.argv[1:5]
    folder = tempfile.mkdtemp()
    listener = listen(kind, folder)
    path = os.path.join(folder, "notify")
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(path)
    notify.settimeout(30)

    def take_socket():
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", NOTIFY_SOCKET=path, WATCHDOG_USEC="200000")
        os.execv(binary, [binary, "serve", flow, "--store", store, "--create"])

    if kind == "0.0.0.0":
        sys.exit(run_to_end(take_socket))

    child = os.fork()
    if child == 0:
        take_socket()
    place = listener.getsockname()
    listener.close()

    def wait_for(line):
        while (got := notify.recv(100).decode()) != line:
            assert got == "WATCHDOG=1", got
        print(line, flush=True)

    wait_for("READY=1")
    wait_for("WATCHDOG=1")
    print(status_of_livez(place), flush=True)
    os.kill(child, signal.SIGHUP)
    wait_for("RELOADING=1")
    wait_for("READY=1")
    os.kill(child, signal.SIGTERM)
    wait_for("STOPPING=1")
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


main()
