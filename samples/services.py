"""Mock services for the samples: devices and a model (pipeline), a builder (automation), a shop (drip), a payment
provider (card), metrics (canary), and a service for exports (export).

    python3 samples/services.py 8090

Work is performed once per Idempotency-Key. `POST /busy {"path": "/rate", "times": 2}` makes a path respond with 503 that
many times, and `GET /calls` lists the requests in order.
"""

import itertools
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lock = threading.Lock()
calls = []
answers = {}
busy = {}
looks = itertools.count()


def rate(body):
    return 200, {"score": 0.95 if body["celsius"] >= 60 else 0.1}


def build(body):
    commit = body["commit"]
    if commit.startswith("bad"):
        return 422, {"error": "line 1: this is no program"}
    if commit.startswith("slow"):
        time.sleep(2)
    return 200, {"artifact": f"site-{commit}", "size": 5000 if commit.startswith("large") else 10}


def open_account(body):
    return 200, {"id": "account-" + body["email"], "plan": "pro" if body["email"].startswith("pro") else "free"}


def send_letter(body):
    return (410, {"error": "no such mailbox"}) if body["to"].startswith("gone") else (200, None)


def authorize(body):
    if body["card"].startswith("declined"):
        return 402, {"error": "the issuer declines"}
    needs_challenge = body["card"].startswith("3ds")
    return 200, {"ref": "auth-" + body["payment"], "challenge": "https://bank.test" if needs_challenge else ""}


def look(body):
    """An export is done at the second look."""
    if next(looks) % 2 == 0:
        return 200, {"id": "job-1", "status": "running"}
    return 200, {"id": "job-1", "status": "done", "url": "https://files.test/job-1"}


work = {
    "GET /readings": lambda body: (200, [{"sensor": "cellar", "value": 50, "unit": "F"}]),
    "POST /rate": rate,
    "POST /builds": build,
    "POST /shrink": lambda body: (200, {"artifact": body["artifact"] + "-small", "size": 900}),
    "GET /site": lambda body: (200, "there"),
    "PUT /site": lambda body: (204, None),
    "POST /messages": lambda body: (204, None),
    "POST /accounts": open_account,
    "POST /letters": send_letter,
    "POST /badges": lambda body: (204, None),
    "POST /subscriptions": lambda body: (204, None),
    "POST /intents": authorize,
    "POST /captures": lambda body: (204, None),
    "GET /metrics": lambda body: (200, {"requests": 1000, "errors": 0}),
    "POST /exports": lambda body: (202, {"id": "job-1"}),
    "GET /exports": look,
    "DELETE /exports": lambda body: (204, None),
}


class Services(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def serve(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        if self.path == "/calls":
            with lock:
                return self.answer(200, calls)
        if self.path == "/busy":
            with lock:
                busy[body["path"]] = body["times"]
            return self.answer(204, None)
        return self.answer(*self.do_work(body))

    def do_work(self, body):
        key = self.headers.get("Idempotency-Key", "")
        with lock:
            is_busy = busy.get(self.path, 0) > 0
            if is_busy:
                busy[self.path] -= 1
            calls.append({"path": self.path, "key": key, "busy": is_busy, "again": key in answers, "body": body})
        if is_busy:
            return 503, {"error": "busy"}
        kind = work.get(f"{self.command} /{self.path.split('/')[1]}")
        if kind is None:
            return 404, {"error": "no such resource"}
        if key and key in answers:
            return answers[key]
        answer = kind(body)
        if key:
            answers[key] = answer
        return answer

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def answer(self, status, body):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if data:
            self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Services)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
