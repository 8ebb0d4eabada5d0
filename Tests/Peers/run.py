"""Measures Flow beside what people would use instead, several times in turn, and writes `Docs/performance.md`.

    run.py --build FOLDER [--rounds 5] [--output FILE] [--only cel,steps,durable,live,check,growth]

FOLDER holds the release products `flow` and `Benchmarks`. Every figure is the median of the rounds with its range.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = float(os.environ.get("PEER_SECONDS", "5"))
SUBSCRIBERS = 1000
LINES = 30_000


class Bench:
    """The figures of all rounds: `values[section][row][column]` is a list."""

    def __init__(self, build):
        self.build = build
        self.values = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
        self.order = defaultdict(list)

    def add(self, section, row, column, value):
        if column not in self.order[section]:
            self.order[section].append(column)
        self.values[section][row][column].append(value)

    def benchmarks(self, *names):
        """The rows of Flow's own benchmarks."""
        command = [os.path.join(self.build, "Benchmarks"), "--json", *names]
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
        rows = [json.loads(line) for line in output.splitlines()]
        failed = [row for row in rows if row["value"] is None]
        if failed:
            raise SystemExit(f"{failed[0]['name']}: {failed[0]['unit']}")
        return rows

    def peer(self, script, *arguments, **environment):
        """The rows that a script of this folder prints, as name and number."""
        command = [sys.executable, os.path.join(HERE, script), *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=os.environ | {"PEER_SECONDS": str(SECONDS)} | environment)
        if done.returncode:
            raise SystemExit(f"{script} {' '.join(arguments)}: {done.stderr[-2000:]}")
        return [(name, float(value)) for name, value in (line.split("\t") for line in done.stdout.splitlines())]


def cel(bench):
    for row in bench.benchmarks("guard"):
        if row["name"].startswith("cel (") and row["unit"] == "ns":
            bench.add("cel", row["name"].split("  ", 1)[1], "Flow", row["value"])
    for evaluator in ("cel (Rust)", "cel-python", "Python"):
        for name, value in bench.peer("expressions.py", evaluator):
            bench.add("cel", name, evaluator, value)


def steps(bench):
    (row,) = bench.benchmarks("step-toggle")
    bench.add("steps", "a step", "Flow", row["value"])
    for library in ("transitions", "python-statemachine", "sismic"):
        ((_, value),) = bench.peer("step.py", library)
        bench.add("steps", "a step", library, value)


def durable(bench):
    for row in bench.benchmarks("workflow"):
        clients = row["name"].split(", ")[1].split()[0]
        bench.add("durable", clients, "Flow (HTTP, SQLite)", row["value"])
    with folder() as path:
        for clients, rate in bench.peer("durable.py", "dbos", f"sqlite:///{path}/dbos.db"):
            bench.add("durable", clients, "DBOS (SQLite)", rate)
        for clients, rate in bench.peer("durable.py", "spiffworkflow", path):
            bench.add("durable", clients, "SpiffWorkflow (SQLite)", rate)
        with postgres(path) as url:
            for clients, rate in bench.peer("durable.py", "dbos", url):
                bench.add("durable", clients, "DBOS (PostgreSQL)", rate)
        with redis(path) as url:
            for clients, rate in bench.peer("durable.py", "celery", url):
                bench.add("durable", clients, "Celery (Redis)", rate)


MESSAGE = json.dumps({"type": "step", "flow": "Counter", "key": "c1", "event": "Add", "data": {"n": 1, "text": "x" * 150}})


def live(bench):
    with folder() as path:
        port = free_port()
        with open(f"{path}/counter.flow", "w") as file:
            file.write(COUNTER)
        command = [f"{bench.build}/flow", "serve", f"{path}/counter.flow", "--store", f"{path}/live.db", "--create",
                   "--addr", f"127.0.0.1:{port}", "--log-level", "error"]
        with process(command, port):
            publish(bench, port, 1, 0.2, "/v1/flows/Counter/instances", '{"event": "Begin", "data": {"id": "c1"}}')
            rate = listen(bench, port, "/v1/live?since=1&flow=Counter",
                          lambda: publish(bench, port, 16, SECONDS + 2, "/v1/flows/Counter/instances/c1/events",
                                          '{"event": "Add", "data": {"n": 1}}'))
            bench.add("live", "frames", "Flow (durable)", rate)
    with nchan() as port:
        rate = listen(bench, port, "/sub", lambda: publish(bench, port, 16, SECONDS + 2, "/pub", MESSAGE))
        bench.add("live", "frames", "nginx with nchan", rate)
    port = free_port()
    command = [sys.executable, f"{HERE}/broadcast.py", str(port), str(SUBSCRIBERS), str(SECONDS + 2), MESSAGE]
    with process(command, port):
        bench.add("live", "frames", "Python websockets", listen(bench, port, "/", lambda: None))


def check(bench):
    with folder() as path:
        subprocess.run([f"{bench.build}/Benchmarks", "project", f"{path}/flow", str(LINES)], check=True,
                       stdout=subprocess.DEVNULL)
        python_lines(f"{path}/python", LINES)
        ruff = os.path.join(os.path.dirname(sys.executable), "ruff")
        for row, column, command in (
            ("check", "Flow", [f"{bench.build}/flow", "check", f"{path}/flow/main.flow"]),
            ("format", "Flow", [f"{bench.build}/flow", "fmt", "--check", f"{path}/flow"]),
            ("check", "ruff", [ruff, "check", "--no-cache", "--isolated", "-q", f"{path}/python"]),
            ("format", "ruff", [ruff, "format", "--check", "--no-cache", "--isolated", "-q", f"{path}/python"]),
            ("check", "pyflakes", [sys.executable, "-m", "pyflakes", f"{path}/python"]),
        ):
            start = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            bench.add("check", row, column, LINES / (time.perf_counter() - start))


COUNTER = """event Begin { id: string }
event Add { n: int }
event Stop
flow Counter {
  key id
  data { id: string  total: int = 0 }
  start on Begin -> counting do id = event.id
  state counting { on Add do total = total + event.n  on Stop -> end }
  final end
}
"""


@contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="flow-peers-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def process(command, port, **options):
    """A process that listens on a port of this machine."""
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline or running.poll() is not None:
                    raise SystemExit(f"did not start: {' '.join(command)}")
                time.sleep(0.05)
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()


def publish(bench, port, connections, seconds, path, body):
    command = [f"{bench.build}/Benchmarks", "--json", "publish", str(port), str(connections), str(seconds), path, body]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def listen(bench, port, path, action):
    """Frames per second that the subscribers receive while the action publishes."""
    command = [f"{bench.build}/Benchmarks", "--json", "listen", str(port), str(SUBSCRIBERS), str(SECONDS), path]
    listener = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    if listener.stdout.readline().strip() != "ready":
        raise SystemExit(f"the subscribers of {path} were refused")
    action()
    return json.loads(listener.communicate(timeout=120)[0])["value"]


@contextmanager
def postgres(path):
    """A PostgreSQL server with its defaults, in a new folder."""
    binaries = max((os.path.join(root, "bin") for root, _, _ in os.walk("/usr/lib/postgresql") if root.count("/") == 4))
    data, port = f"{path}/postgres", free_port()
    os.makedirs(data)
    user = {}
    if os.geteuid() == 0:
        shutil.chown(path, "postgres")
        shutil.chown(data, "postgres")
        user = {"user": "postgres"}
    subprocess.run([f"{binaries}/initdb", "-D", data, "-A", "trust", "-U", "postgres"], check=True,
                   stdout=subprocess.DEVNULL, cwd=path, **user)
    command = [f"{binaries}/postgres", "-D", data, "-p", str(port), "-k", data]
    with process(command, port, cwd=path, **user):
        time.sleep(1)
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/dbos"


@contextmanager
def redis(path):
    """A Redis server that syncs every write, as the other stores do."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--dir", path, "--appendonly", "yes", "--appendfsync", "always"]
    with process(command, port):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def nchan():
    port = free_port()
    with folder() as path:
        with open(f"{path}/nginx.conf", "w") as file:
            file.write(f"""
load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off; worker_processes 1; pid {path}/pid; error_log {path}/error.log crit; user root;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {path}; proxy_temp_path {path}; fastcgi_temp_path {path};
  uwsgi_temp_path {path}; scgi_temp_path {path};
  server {{ listen 127.0.0.1:{port};
    location = /pub {{ nchan_publisher; nchan_channel_id c; nchan_message_buffer_length 100; }}
    location = /sub {{ nchan_subscriber websocket; nchan_channel_id c; nchan_subscriber_first_message newest; }} }} }}
""")
        with process(["nginx", "-c", f"{path}/nginx.conf"], port):
            yield port


def python_lines(path, count):
    """Files of the standard library, until there are so many lines."""
    os.makedirs(path)
    library, total = os.path.dirname(os.__file__), 0
    for name in sorted(os.listdir(library)):
        if not name.endswith(".py") or total >= count:
            continue
        with open(os.path.join(library, name), encoding="utf-8", errors="ignore") as file:
            lines = file.readlines()
        if total + len(lines) > count + 2000:
            continue
        total += len(lines)
        with open(f"{path}/{name}", "w", encoding="utf-8") as file:
            file.writelines(lines)


def growth(bench):
    for row in bench.benchmarks("growth"):
        bench.add("growth", row["name"].removeprefix("growth with "), "exponent", row["value"])


SECTIONS = {"cel": cel, "steps": steps, "durable": durable, "live": live, "check": check, "growth": growth}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument("--output")
    options = parser.parse_args()
    bench = Bench(os.path.abspath(options.build))
    for number in range(options.rounds):
        for name in options.only.split(","):
            print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr, flush=True)
            SECTIONS[name](bench)
    from report import page

    text = page(bench.values, bench.order, options.rounds, platform_line())
    if options.output:
        with open(options.output, "w") as file:
            file.write(text)
    else:
        print(text)


def platform_line():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    with open("/proc/meminfo") as file:
        memory = round(int(file.readline().split()[1]) / 1024 / 1024)
    return f"{os.cpu_count()} virtual cores ({model}), {memory} GiB of memory, Debian 12, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    main()
