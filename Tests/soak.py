"""Loads `flow serve --keep 20s` and prints, every ten seconds, what it uses.

Usage: soak.py FLOW SECONDS. Ends with 1 when the store still grows in the second half.
"""
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

FLOW = """
event Begin { id: string }
event Step { id: string  n: int }
event Close { id: string }

action note(id: string) -> int { worker "notes" }

flow Item {
  key id
  data { id: string  n: int = 0 }
  start on Begin -> open do id = event.id
  state open {
    on Step do n = event.n
    on Close -> noting
  }
  state noting {
    call note(id: id) as noted
    on noted.done -> closed
    on noted.failed -> closed
  }
  final closed
}
"""


def request(client, method, path, body):
    client.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    response = client.getresponse()
    return response.status, json.loads(response.read() or b"null")


def load(port, worker, ended, counts):
    client = http.client.HTTPConnection("127.0.0.1", port)
    number = 0
    while not ended.is_set():
        number += 1
        key = f"{worker}-{number}"
        for event, data in (("Begin", {}), ("Step", {"n": number}), ("Close", {})):
            status, _ = request(client, "POST", "/v1/events", {"event": event, "data": {"id": key, **data}})
            counts[status] = counts.get(status, 0) + 1


def work(port, ended, done):
    client = http.client.HTTPConnection("127.0.0.1", port)
    while not ended.is_set():
        _, claimed = request(
            client, "POST", "/v1/jobs/claim", {"queue": "notes", "limit": 200, "lease": "30s", "wait": "1s"})
        for job in (claimed or {}).get("items", []):
            status, _ = request(
                client, "POST", f"/v1/jobs/{job['id']}/complete", {"fence": job["fence"], "result": 1})
            done[status] = done.get(status, 0) + 1


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def main():
    program, seconds = sys.argv[1], int(sys.argv[2])
    folder = tempfile.mkdtemp(prefix="flow-soak-")
    source, store = os.path.join(folder, "item.flow"), os.path.join(folder, "item.db")
    with open(source, "w") as file:
        file.write(FLOW)
    server = subprocess.Popen(
        [program, "serve", source, "--store", store, "--create", "--keep", "20s", "--addr", "127.0.0.1:18091",
         "--log-level", "warn"])
    ended, counts, done = threading.Event(), {}, {}
    sizes = []
    try:
        time.sleep(1)
        threads = [threading.Thread(target=load, args=(18091, index, ended, counts)) for index in range(8)]
        threads += [threading.Thread(target=work, args=(18091, ended, done)) for _ in range(2)]
        for thread in threads:
            thread.start()
        start = time.time()
        print("seconds  events  jobs  rss MiB  store MiB  wal MiB  archive MiB")
        while time.time() - start < seconds:
            time.sleep(min(10, max(1, seconds / 20)))
            pages = int(open(f"/proc/{server.pid}/statm").read().split()[1])
            archive = sum(size(os.path.join(folder, name)) for name in os.listdir(folder) if ".archive" in name)
            row = [pages * 4096, size(store), size(store + "-wal"), archive]
            sizes.append(row[1])
            print(f"{time.time() - start:7.0f} {counts.get(200, 0) + counts.get(201, 0):7} {done.get(200, 0):5}",
                  *(f"{value / 2**20:8.1f}" for value in row), flush=True)
        ended.set()
        for thread in threads:
            thread.join(5)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    unexpected = {status: count for status, count in counts.items() if status not in (200, 201)}
    print("unexpected:", unexpected)
    check = subprocess.run([program, "store", "check", store], capture_output=True, text=True)
    print(check.stdout.strip())
    half = len(sizes) // 2
    grows = len(sizes) > 4 and max(sizes[half:]) > 1.3 * max(sizes[half - 1:half + 1] + [1 << 20])
    sys.exit(1 if grows or check.returncode or unexpected else 0)


main()
