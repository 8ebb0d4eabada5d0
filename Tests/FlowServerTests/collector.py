"""A collector of OTLP/HTTP in JSON that is strict about its form: prints its port, then a line for each span."""

import http.server
import json
import re


def check(document):
    for resource in document["resourceSpans"]:
        names = {attribute["key"]: attribute["value"] for attribute in resource["resource"]["attributes"]}
        assert names["service.name"] == {"stringValue": "flow"}, names
        for scope in resource["scopeSpans"]:
            assert scope["scope"]["name"] == "flow"
            for span in scope["spans"]:
                yield check_span(span)


def check_span(span):
    known = {"traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano",
             "attributes", "links", "status"}
    assert set(span) <= known, set(span) - known
    assert re.fullmatch("[0-9a-f]{32}", span["traceId"]) and re.fullmatch("[0-9a-f]{16}", span["spanId"])
    assert span["kind"] == 5 and span["status"]["code"] in (1, 2)
    assert isinstance(span["startTimeUnixNano"], str)
    assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
    for attribute in span["attributes"]:
        (kind, value), = attribute["value"].items()
        assert kind in ("stringValue", "intValue") and isinstance(value, str), attribute
    for link in span.get("links", []):
        assert re.fullmatch("[0-9a-f]{32}", link["traceId"]) and re.fullmatch("[0-9a-f]{16}", link["spanId"])
    return span


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            assert self.path == "/v1/traces" and self.headers["Content-Type"] == "application/json"
            for span in check(json.loads(body)):
                print(json.dumps(span), flush=True)
        except Exception as error:
            print(json.dumps({"error": repr(error)}), flush=True)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
