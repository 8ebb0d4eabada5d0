"""Measures two nodes on one PostgreSQL: throughput beside hand-written SQL and DBOS, and the change of the owner.

    nodes.py --build FOLDER [--rounds 3] [--kills 20]

FOLDER holds the release products `flow` and `Benchmarks`. The server and both nodes run on this machine. The tables
are printed as Markdown; every figure is the median of the rounds with its range.
"""

import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

from run import COUNTER, Bench, folder, free_port, platform_line, postgres

INSTANCES = 16
CLIENTS = 6


def database(url):
    """The location of a new database of the server, for Flow."""
    server = url.replace("postgresql+psycopg", "postgresql").rsplit("/", 1)[0]
    subprocess.run(["psql", "-q", f"{server}/postgres", "-c", "CREATE DATABASE flow ENCODING 'UTF8' TEMPLATE template0"],
                   check=True)
    return f"{server}/flow"


def throughput(bench):
    with folder() as path, postgres(path) as url:
        os.environ["FLOW_BENCH_POSTGRES"] = database(url)
        for row in bench.benchmarks("nodes"):
            bench.add("nodes", row["name"], row["unit"], row["value"])
            if row["note"].startswith(("p50", "a step: p50")):
                p50, p99 = (float(part.split()[-2]) for part in row["note"].split(", "))
                bench.add("latency", row["name"], "p50", p50)
                bench.add("latency", row["name"], "p99", p99)
        for clients, rate in bench.peer("durable.py", "dbos", url):
            bench.add("nodes", f"DBOS: workflows of three steps, {clients} threads", "workflows/s", rate)


class Cluster:
    """Two nodes over one schema, each at a port that it keeps."""

    def __init__(self, build, path, location):
        self.binary, self.path = f"{build}/flow", path
        self.location = f"{location}?schema=changes"
        self.ports = [free_port(), free_port()]
        self.nodes = [None, None]
        with open(f"{path}/counter.flow", "w") as file:
            file.write(COUNTER)
        for index in range(2):
            self.start(index)

    def start(self, index):
        self.nodes[index] = subprocess.Popen(
            [self.binary, "serve", f"{self.path}/counter.flow", "--store", self.location, "--create", "--addr",
             f"127.0.0.1:{self.ports[index]}", "--log-level", "error"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def readiness(self, index):
        try:
            return request(http.client.HTTPConnection("127.0.0.1", self.ports[index], timeout=5), "GET", "/readyz")[1]
        except (OSError, http.client.HTTPException):
            return ""

    def wait(self, index, text):
        deadline = time.monotonic() + 120
        while not self.readiness(index).startswith(text):
            if time.monotonic() > deadline:
                raise SystemExit(f"node {index} is not {text}")
            time.sleep(0.005)

    def owner(self):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            for index in range(2):
                if self.readiness(index).startswith("owner"):
                    return index
            time.sleep(0.01)
        raise SystemExit("there is no owner")

    def stop(self):
        for node in self.nodes:
            node.kill()
            node.wait()


def request(connection, method, path, body=None, headers=None):
    payload = None if body is None else json.dumps(body)
    head = {} if body is None else {"Content-Type": "application/json"}
    connection.request(method, path, payload, head | (headers or {}))
    response = connection.getresponse()
    return response.status, response.read().decode()


class Load:
    """Clients that send events to either node until each is acknowledged, and remember the time of each response."""

    def __init__(self, ports):
        self.ports, self.acknowledged, self.problems = ports, [], []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(index,)) for index in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self, index):
        node, number, connection = index % 2, 0, None
        while not self.stopped.is_set():
            number += 1
            while True:
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", self.ports[node], timeout=20)
                    status, text = request(
                        connection, "POST", f"/v1/flows/Counter/instances/c{number % INSTANCES}/events",
                        {"event": "Add", "data": {"n": 1}}, {"Idempotency-Key": f"{index}-{number}"})
                except (OSError, http.client.HTTPException):
                    status, text, connection = 503, "", None
                if status == 200:
                    break
                if status != 503:
                    self.problems.append(f"{status} {text}")
                    return
                node, connection = 1 - node, None
                time.sleep(0.02)
            self.acknowledged.append(time.monotonic())

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def changes(bench, kills):
    """Replaces the owner again and again under load; every event has to be counted exactly once."""
    with folder() as path, postgres(path) as url:
        cluster = Cluster(bench.build, path, database(url))
        owner = cluster.owner()
        connection = http.client.HTTPConnection("127.0.0.1", cluster.ports[owner])
        for index in range(INSTANCES):
            status, text = request(connection, "POST", "/v1/flows/Counter/instances",
                                   {"event": "Begin", "data": {"id": f"c{index}"}})
            assert status == 201, text
        load = Load(cluster.ports)
        for name, number in (("kill -9", signal.SIGKILL), ("SIGTERM", signal.SIGTERM)):
            for turn in range(kills):
                cluster.wait(1 - owner, "standby of")
                time.sleep(0.5 + random.random())
                start = time.monotonic()
                cluster.nodes[owner].send_signal(number)
                cluster.wait(1 - owner, "owner")
                bench.add("changes", f"{name}: until the other node is the owner", "s", time.monotonic() - start)
                cluster.nodes[owner].wait()
                cluster.start(owner)
                time.sleep(0.3)
                times = sorted(at for at in list(load.acknowledged) if at > start - 1)
                gap = max(b - a for a, b in zip(times, times[1:]))
                bench.add("changes", f"{name}: longest time without an acknowledged event", "s", gap)
                owner = 1 - owner
                print(f"{name} {turn + 1} of {kills}: {gap:.2f} s", file=sys.stderr, flush=True)
        load.stop()
        connection = http.client.HTTPConnection("127.0.0.1", cluster.ports[owner])
        total = sum(json.loads(request(connection, "GET", f"/v1/flows/Counter/instances/c{index}")[1])["data"]["total"]
                    for index in range(INSTANCES))
        cluster.stop()
        if load.problems or total != len(load.acknowledged):
            raise SystemExit(f"{len(load.acknowledged)} acknowledged, {total} counted, {load.problems[:3]}")
        print(f"\n{total:,} events were acknowledged, and each was counted once.")


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


def table(bench, section, head):
    print(f"\n| {head} | median (range) | |\n| --- | ---: | --- |")
    for row, columns in bench.values[section].items():
        for unit, values in columns.items():
            low, high = number(min(values)), number(max(values))
            print(f"| {row} | {number(statistics.median(values))} ({low}–{high}) | {unit} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    bench = Bench(os.path.abspath(options.build))
    print(f"Machine: {platform_line()}.")
    for turn in range(options.rounds):
        print(f"round {turn + 1} of {options.rounds}", file=sys.stderr, flush=True)
        throughput(bench)
    table(bench, "nodes", "Throughput")
    print("\n| Latency | p50 (ms) | p99 (ms) |\n| --- | ---: | ---: |")
    for row, columns in bench.values["latency"].items():
        print(f"| {row} | {number(statistics.median(columns['p50']))} | {number(statistics.median(columns['p99']))} |")
    if options.kills:
        changes(bench, options.kills)
        table(bench, "changes", f"Change of the owner, {options.kills} times each")


main()
