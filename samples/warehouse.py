"""A mock warehouse and payment provider for the order sample: POST /parcels and POST /refunds.

An order with the sku "none" is out of stock. Repeating an Idempotency-Key returns the same parcel.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parcels = {}


class Warehouse(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if self.path == "/parcels":
            if any(item["sku"] == "none" for item in body["items"]):
                return self.answer(409, {"error": "out of stock"})
            key = self.headers.get("Idempotency-Key", body["order"])
            return self.answer(200, {"id": parcels.setdefault(key, f"parcel-{len(parcels) + 1}")})
        if self.path == "/refunds":
            return self.answer(200, {"refunded": body["amount"]})
        return self.answer(404, {"error": "no such resource"})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Warehouse).serve_forever()
