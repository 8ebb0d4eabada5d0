"""Several nodes over one private PostgreSQL server."""

import glob
import os
import pathlib
import pwd
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from flow_server import BINARY, ROOT, UI, free_port


class Nodes:
    """A PostgreSQL server, and `flow serve` on some ports; the first node that starts is the owner."""

    def __init__(self, count):
        self.folder = tempfile.TemporaryDirectory(prefix="flow-nodes-")
        self.programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.data = f"{self.folder.name}/data"
        os.chmod(self.folder.name, 0o755)
        if os.getuid() == 0:
            # PostgreSQL does not run as root.
            os.chown(self.folder.name, pwd.getpwnam("postgres").pw_uid, -1)
        self.run("initdb", "-D", self.data, "-U", "flow", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder.name} -c fsync=off"
        self.run("pg_ctl", "-D", self.data, "-w", "-l", f"{self.folder.name}/log", "-o", options, "start")
        self.ports = [free_port() for _ in range(count)]
        self.processes = [self.start(port) for port in self.ports]

    def run(self, program, *arguments):
        prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        subprocess.run([*prefix, f"{self.programs}/{program}", *arguments], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, cwd=self.folder.name)

    def start(self, port):
        store = f"postgres://flow@/postgres?host={self.folder.name}"
        command = [BINARY, "serve", ROOT / "samples/board.flow", "--create", "--store", store, "--addr", f"127.0.0.1:{port}",
                   "--log-level", "warn", *UI]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait(port, lambda status, text: status == 200)
        return process

    def readiness(self, port):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def wait(self, port, test):
        for _ in range(1200):
            if test(*self.readiness(port)):
                return
            time.sleep(0.1)
        raise RuntimeError(f"the node at {port}: {self.readiness(port)}")

    def base(self, index):
        return f"http://127.0.0.1:{self.ports[index]}"

    def kill(self, index):
        self.processes[index].kill()
        self.processes[index].wait()

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")
        self.folder.cleanup()
