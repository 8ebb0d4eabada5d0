"""Fuzzes a running server over HTTP and WebSocket: `fuzz_http.py PORT SECONDS [SEED]`.

Requests are mutations of valid ones: bytes of the head, JSON of the body, messages of the live stream, programs to
deploy. The server must stay alive, answer every complete request, and never answer 5xx except 501 and 503.
"""

import base64
import json
import os
import random
import socket
import struct
import sys
import time

PORT, SECONDS = int(sys.argv[1]), float(sys.argv[2])
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else int.from_bytes(os.urandom(4), "big")
rng = random.Random(SEED)
counts = {"requests": 0, "messages": 0, "deploys": 0, "closed": 0}
statuses = {}

WORDS = ["", "a", "Counter", "\u0000", "💥", "A" * 300, "../..", "%00", "true", "1e999", "-1", "9" * 40, "{}", "[]", "\r\n"]
SOURCE = """event Begin { id: string }
event Add { n: int }
flow Counter {
  key id
  data { id: string  total: int = 0 }
  start on Begin -> counting do id = event.id
  state counting { on Add when event.n >= 0 do total = total + event.n }
  ongoing
}
"""
PATHS = [
    ("GET", "/v1/flows"), ("GET", "/v1/instances?q=data.total%20%3E%201&limit=5"), ("GET", "/v1/flows/Counter/graph"),
    ("GET", "/v1/flows/Counter/instances/a"), ("GET", "/v1/flows/Counter/instances/a/history?filter=revision%20%3E%201"),
    ("GET", "/v1/flows/Counter/instances/a/transitions?event=Add&data=%7B%22n%22%3A1%7D"), ("GET", "/openapi.json"),
    ("GET", "/v1/stats"), ("GET", "/v1/dead-letters"), ("GET", "/metrics"), ("GET", "/docs"),
    ("POST", "/v1/events"), ("POST", "/v1/flows/Counter/instances/a/events"), ("POST", "/v1/flows/Counter/simulate"),
    ("POST", "/v1/batches"), ("POST", "/v1/jobs/claim"), ("POST", "/v1/flows/Counter/instances/a/suspend"),
    ("POST", "/v1/flows/Counter/instances/a/resume"), ("POST", "/v1/hooks/Counter/Add"),
]
BODIES = [
    {"event": "Add", "data": {"n": 1}}, {"event": "Begin", "data": {"id": "a"}},
    {"specversion": "1.0", "id": "1", "source": "s", "type": "Add", "subject": "Counter/a", "data": {"n": 2}},
    {"steps": [{"event": "Begin", "data": {"id": "x"}}, {"advance": "1h"}]}, {"queue": "q", "limit": 2},
    {"op": "retry", "filter": {"flow": "Counter"}, "dryRun": True}, {"reason": "r"},
]
MESSAGES = [
    {"id": 1, "op": "hello"}, {"id": 2, "op": "sub", "flow": "Counter", "since": 0}, {"id": 3, "op": "unsub", "sub": 2},
    {"id": 4, "op": "send", "event": "Add", "flow": "Counter", "key": "a", "data": {"n": 1}}, {"id": 5, "op": "ping"},
    {"id": 6, "op": "sub", "filter": "revision > 1"},
]


def value(depth=0):
    kind = rng.randrange(9)
    if kind < 3 or depth > 3:
        return rng.choice(WORDS)
    if kind == 3:
        return rng.choice([0, -1, 2**53, 2**63, -(2**63), 1.5, 1e308])
    if kind == 4:
        return rng.choice([None, True, False])
    if kind == 5:
        return [value(depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(WORDS + ["event", "data", "n", "id", "op", "key"]): value(depth + 1) for _ in range(rng.randrange(4))}


def mutated(document):
    """A copy with a member replaced, removed, renamed or added, at a random depth."""
    document = json.loads(json.dumps(document))
    node = document
    while isinstance(node, dict) and node:
        name = rng.choice(list(node))
        if isinstance(node[name], dict) and node[name] and rng.random() < 0.5:
            node = node[name]
            continue
        action = rng.randrange(5)
        if action == 0:
            node[name] = value()
        elif action == 1:
            del node[name]
        elif action == 2:
            node[rng.choice(WORDS)] = node.pop(name)
        elif action == 3:
            node[rng.choice(WORDS)] = value()
        break
    return document


def flipped(data):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        if not data:
            break
        place = rng.randrange(len(data))
        action = rng.randrange(4)
        if action == 0:
            data[place] = rng.randrange(256)
        elif action == 1:
            del data[place : place + rng.randrange(1, 8)]
        elif action == 2:
            data[place:place] = rng.choice(WORDS).encode("utf-8", "replace")
        else:
            data[place:place] = data[place : place + rng.randrange(1, 40)]
    return bytes(data)


def request(method, path, body, kind, more=()):
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"] + list(more)
    if body is not None:
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + (body or b"")


def exchange(data, isComplete):
    counts["requests"] += 1
    with socket.create_connection(("127.0.0.1", PORT), timeout=30) as peer:
        try:
            peer.sendall(data)
            if not isComplete:
                peer.shutdown(socket.SHUT_WR)
            answer = peer.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            answer = b""
        except socket.timeout:
            sys.exit(f"no answer to {data[:400]!r} (seed {SEED})")
    if not answer:
        counts["closed"] += 1
        if isComplete:
            sys.exit(f"a complete request got no answer: {data[:400]!r} (seed {SEED})")
        return
    status = int(answer[9:12])
    statuses[status] = statuses.get(status, 0) + 1
    if status >= 500 and status not in (501, 503, 505):
        sys.exit(f"{status} for {data[:400]!r} (seed {SEED})")


def fuzz_request():
    method, path = rng.choice(PATHS)
    body = None if method == "GET" else json.dumps(mutated(rng.choice(BODIES))).encode()
    kind = rng.choice(["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"])
    more = rng.sample(["Prefer: wait=0", "Idempotency-Key: k", "If-Match: \"1\"", "Accept: text/plain", "Accept-Encoding: gzip", "Expect: 100-continue"], rng.randrange(3))
    data = request(method, path, body, kind, more)
    if rng.random() < 0.5:
        exchange(flipped(data), isComplete=False)
    else:
        exchange(data, isComplete="Expect: 100-continue" not in more)


def fuzz_deploy():
    counts["deploys"] += 1
    source = flipped(SOURCE.encode())
    exchange(request("PUT", "/v1/flows/Counter?dryRun=true", source, "text/x-flow"), isComplete=True)


def frame(payload, opcode=1, final=True):
    mask = os.urandom(4)
    head = bytes([(0x80 if final else 0) | opcode])
    size = len(payload)
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", size)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def fuzz_socket():
    with socket.create_connection(("127.0.0.1", PORT), timeout=30) as peer:
        key = base64.b64encode(os.urandom(16)).decode()
        peer.sendall(request("GET", "/v1/live", None, "", ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]))
        if not peer.recv(4096).startswith(b"HTTP/1.1 101"):
            return
        try:
            for _ in range(rng.randrange(1, 20)):
                counts["messages"] += 1
                text = json.dumps(mutated(rng.choice(MESSAGES)))
                data = frame(text.encode(), rng.choice([1, 1, 1, 1, 2, 8, 9]), rng.random() < 0.9)
                peer.sendall(flipped(data) if rng.random() < 0.2 else data)
        except (ConnectionResetError, BrokenPipeError):
            counts["closed"] += 1


for body in ({"event": "Begin", "data": {"id": "a"}},):
    exchange(request("POST", "/v1/events", json.dumps(body).encode(), "application/json"), isComplete=True)
end = time.time() + SECONDS
while time.time() < end:
    rng.choices([fuzz_request, fuzz_socket, fuzz_deploy], [16, 3, 1])[0]()
exchange(request("GET", "/livez", None, ""), isComplete=True)
print(f"seed {SEED}: {counts}, statuses {dict(sorted(statuses.items()))}")
