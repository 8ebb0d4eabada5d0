"""Plays a service manager: hands `flow serve` a socket, and prints what it is told, each thing when it first comes."""

import os
import signal
import socket
import sys
import tempfile
import urllib.request


def main():
    binary, flow, store = sys.argv[1:4]
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    path = os.path.join(tempfile.mkdtemp(), "notify")
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(path)
    notify.settimeout(30)

    def take_socket():
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", NOTIFY_SOCKET=path, WATCHDOG_USEC="200000")
        os.execv(binary, [binary, "serve", flow, "--store", store])

    child = os.fork()
    if child == 0:
        take_socket()
    listener.close()

    def wait_for(line):
        while (got := notify.recv(100).decode()) != line:
            assert got == "WATCHDOG=1", got
        print(line, flush=True)

    wait_for("READY=1")
    wait_for("WATCHDOG=1")
    print(urllib.request.urlopen(f"http://127.0.0.1:{port}/livez").status, flush=True)
    os.kill(child, signal.SIGHUP)
    wait_for("RELOADING=1")
    wait_for("READY=1")
    os.kill(child, signal.SIGTERM)
    wait_for("STOPPING=1")
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


main()
