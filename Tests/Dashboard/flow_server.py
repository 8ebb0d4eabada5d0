"""A server with the samples loaded, and the services that their actions call."""

import hashlib
import hmac
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = str(pathlib.Path(os.environ.get("FLOW", ROOT / ".build/release/flow")).resolve())
FLOWS = {
    "Card": "board", "Approval": "approval", "Drip": "drip", "Release": "automation", "Nightly": "automation",
    "Poll": "pipeline", "Clean": "pipeline", "Rate": "pipeline", "Sensor": "pipeline",
}
SECRET = "shh"
# Its mail fails without a reaction of the flow: a dead letter.
NOTICE = b"""
event Notify { id: string }
action notice(to: string) fails UNAVAILABLE {
  http POST env("SHOP_URL") + "/letters" { body: {"to": to, "template": "notice", "name": to} }
  5xx -> UNAVAILABLE
  retry 1 backoff 10ms..10ms
}
flow Notice {
  key id
  data { id: string }
  start on Notify -> sent do { id = event.id  notice(to: event.id) }
  final sent
}
"""
# The files of the dashboard as they are edited, instead of those in the binary.
UI = ["--ui-dir", os.environ["UI_DIR"]] if "UI_DIR" in os.environ else []


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    """Waits until a port accepts connections."""
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"nothing listens on port {port}")


class Server:
    """A running `flow serve`; `restart` keeps its store and its port."""

    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="flow-ui-")
        self.options = [*UI, *options]
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.services, self.warehouse = free_port(), free_port()
        self.helpers = [
            subprocess.Popen([sys.executable, ROOT / "samples" / name, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for name, port in (("services.py", self.services), ("warehouse.py", self.warehouse))
        ]
        self.process = None
        self.key = None
        for port in (self.services, self.warehouse):
            wait_for(port)
        self.start()

    def start(self):
        services, warehouse = f"http://127.0.0.1:{self.services}", f"http://127.0.0.1:{self.warehouse}"
        environment = os.environ | {
            "DEVICES_URL": services, "MODEL_URL": services, "BUILDER_URL": services, "SHOP_URL": services,
            "WAREHOUSE_URL": warehouse, "PAYMENTS_URL": warehouse, "HOOK_SECRET": SECRET,
        }
        log = open(pathlib.Path(self.folder.name) / "log", "ab")
        command = [BINARY, "serve", ROOT / "samples/order.flow", "--create", "--store", f"{self.folder.name}/flow.db",
                   "--addr", f"127.0.0.1:{self.port}", "--allow-host", "127.0.0.1", "--log-level", "warn", *self.options]
        self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        for _ in range(300):
            try:
                urllib.request.urlopen(self.base + "/livez", timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError((pathlib.Path(self.folder.name) / "log").read_text())
                time.sleep(0.1)
        raise RuntimeError("the server does not answer")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        for process in [self.process, *self.helpers]:
            process.kill()
            process.wait()
        self.folder.cleanup()

    def request(self, method, path, body=None, caller=None, roles=None, headers=None, type="application/json"):
        """Status and document of an answer."""
        fields = {"Content-Type": type} | (headers or {})
        if caller:
            fields["Flow-Caller"] = caller
        if roles:
            fields["Flow-Roles"] = roles
        if self.key:
            fields["Authorization"] = f"Bearer {self.key}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        base = path if path.startswith("http") else self.base + path
        try:
            with urllib.request.urlopen(urllib.request.Request(base, data, fields, method=method), timeout=30) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def event(self, name, data=None, flow=None, key=None, **rest):
        path = f"/v1/flows/{flow}/instances/{key}/events" if key else "/v1/events"
        return self.request("POST", path, {"event": name, "data": data or {}}, **rest)

    def deploy_samples(self):
        for flow, sample in FLOWS.items():
            source = (ROOT / f"samples/{sample}.flow").read_bytes()
            status, answer = self.request("PUT", f"/v1/flows/{flow}", source, type="text/x-flow")
            assert status in (200, 201), (flow, answer)

    def push(self, commit):
        """A delivery of the code host, signed."""
        body = json.dumps({"ref": "refs/heads/main", "repository": {"full_name": "acme/site"},
                           "head_commit": {"id": commit, "message": f"change {commit}"}}).encode()
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return self.request("POST", "/v1/hooks/Release/Pushed", body, headers={"X-Hub-Signature-256": signature})

    def load_samples(self):
        """Instances of all flows, in all kinds of states."""
        self.deploy_samples()
        titles = ["paint the door", "sand the floor", "hang the lamp", "order new paint", "call the plumber", "fix the gate"]
        for number, title in enumerate(titles, 1):
            self.event("Add", {"id": f"c{number}", "board": "house", "title": title})
        card = {"flow": "Card"}
        for key in ("c1", "c2", "c3", "c4"):
            self.event("Take", key=key, caller="ann", **card)
        for key in ("c1", "c2"):
            self.event("Finish", key=key, caller="ann", **card)
        self.event("Return", {"reason": "it is green"}, key="c1", caller="bob", **card)
        self.event("Finish", key="c1", caller="ann", **card)
        self.event("Accept", key="c1", caller="bob", **card)
        purchases = [("office chairs", 20000), ("a printing press", 900000), ("a desk lamp", 3000), ("twelve laptops", 1200000), ("coffee", 4500)]
        for number, (title, cents) in enumerate(purchases, 1):
            self.event("Request", {"id": f"p{number}", "title": title, "cents": cents, "owner": "ann"}, caller="ann", roles="requester")
        for key in ("p2", "p3"):
            self.event("Approve", {"note": "fine"}, flow="Approval", key=key, caller="max", roles="manager")
        for number in range(1, 9):
            items = [{"sku": "lamp", "qty": number, "price": 12.5}]
            self.event("Placed", {"order_id": f"o{number}", "email": f"c{number}@example.test", "items": items})
        for key in ("o1", "o2", "o3"):
            for amount in (5.0, 50.0):
                self.event("Paid", {"amount": amount}, flow="Order", key=key)
        self.event("Cancel", {"reason": "changed my mind"}, flow="Order", key="o8", roles="customer")
        self.request("POST", f"http://127.0.0.1:{self.services}/busy", {"path": "/letters", "times": 60})
        assert self.request("PUT", "/v1/flows/Notice", NOTICE, type="text/x-flow")[0] == 201
        self.event("Notify", {"id": "n1"})
        for name in ("ann", "bob", "pro-cleo", "gone-dora"):
            self.event("SignedUp", {"name": name, "email": f"{name}@example.test"})
        for commit in ("c101", "large7", "bad3"):
            self.push(commit)
        self.event("Look", caller="mia", roles="maintainer")
        for sensor, value in (("boiler", 85.0), ("cellar", 12.0), ("roof", 31.0)):
            self.event("Reading", {"sensor": sensor, "value": value})
        for _ in range(600):
            if "UNAVAILABLE" in [letter["code"] for letter in self.request("GET", "/v1/dead-letters")[1]["items"]]:
                break
            time.sleep(0.1)
        self.request("POST", f"http://127.0.0.1:{self.services}/busy", {"path": "/letters", "times": 0})
