"""Measures `/livez` beside expensive requests: `livez.py PORT SECONDS [INSTANCES]`.

Prints the median and the 99th percentile in milliseconds: of the idle server, and while each kind of expensive request
runs at full rate over four connections.
"""

import json
import http.client
import sys
import threading
import time

PORT, SECONDS = int(sys.argv[1]), float(sys.argv[2])
SIGNATURES = " ".join(["0" * 64] * 5000)[:15000]
REGEX = "1\\PN{300}" * 14


def call(connection, method, path, body=None, headers=None):
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    response.read()
    return response.status


def send(connection, event, data):
    body = json.dumps({"event": event, "data": data})
    return call(connection, "POST", "/v1/events", body, {"Content-Type": "application/json"})


def query(text):
    from urllib.parse import quote

    return "/v1/instances?limit=500&q=" + quote(text)


CHAIN = "event E { id: string  n: int }\nflow Chain {\n  key id\n  data { id: string  n: int }\n" + "".join(
    f"  let l{i} = {'n' if i == 0 else f'l{i-1} + l{i-1}'}\n" for i in range(22)
) + "  start on E -> a do { id = event.id  n = event.n }\n  state a { on E when l21 > 5 -> b }\n  final b\n}\n"

LOADS = {
    "a webhook with 5,000 signatures and 1 MiB": lambda c: call(
        c, "POST", "/v1/hooks/Counter/Told", b"x" * 1_000_000, {"X-Signature": SIGNATURES}),
    "`q=` over all rows": lambda c: call(c, "GET", query("[1,2,3,4,5].all(x, [1,2,3,4,5].all(y, data.total < 0 - x * y))")),
    "`q=` with an expensive pattern": lambda c: call(c, "GET", query(f"key.matches('{REGEX}')")),
    "`q=` with a computed pattern": lambda c: call(c, "GET", query("[1,2,3].exists(x, key.matches(key + '{100}'))")),
    "a deployment with 22 chained lets": lambda c: call(
        c, "PUT", "/v1/flows/Chain?dryRun=true", CHAIN, {"Content-Type": "text/x-flow"}),
    "a batch of 1,000 events": lambda c: call(
        c, "POST", "/v1/events", json.dumps([{"specversion": "1.0", "id": str(i), "source": "s", "type": "Add", "subject": "Counter/a", "data": {"n": 1}} for i in range(1000)]),
        {"Content-Type": "application/cloudevents-batch+json"}),
    "the OpenAPI document, compressed": lambda c: call(c, "GET", "/openapi.json", None, {"Accept-Encoding": "gzip"}),
}


def hammer(load, stop, counter):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    while not stop.is_set():
        try:
            load(connection)
            counter.append(1)
        except (OSError, http.client.HTTPException):
            connection.close()
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)


def measure():
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    times = []
    end = time.time() + SECONDS
    while time.time() < end:
        start = time.perf_counter()
        call(connection, "GET", "/livez")
        times.append((time.perf_counter() - start) * 1000)
        time.sleep(0.002)
    times.sort()
    return times[len(times) // 2], times[int(len(times) * 0.99)], times[-1]


setup = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
for index in range(int(sys.argv[3]) if len(sys.argv) > 3 else 3000):
    send(setup, "Begin", {"id": f"k{index}"})
send(setup, "Begin", {"id": "a"})
print(f"{'load':45} {'median':>8} {'p99':>8} {'max':>8} {'rate/s':>8}   (milliseconds)")
print(f"{'idle':45} " + " ".join(f"{value:8.2f}" for value in measure()))
for name, load in LOADS.items():
    stop, done = threading.Event(), []
    threads = [threading.Thread(target=hammer, args=(load, stop, done), daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    result = measure()
    stop.set()
    for thread in threads:
        thread.join(20)
    print(f"{name:45} " + " ".join(f"{value:8.2f}" for value in result) + f" {len(done) / SECONDS:8.1f}", flush=True)
