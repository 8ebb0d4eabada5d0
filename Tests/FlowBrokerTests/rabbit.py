"""Looks after a broker for a test: `rabbit.py PORT setup` declares what it needs, `rabbit.py PORT get QUEUE` prints a
message of a queue as JSON."""

import json
import sys

import pika

connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", int(sys.argv[1])))
channel = connection.channel()
if sys.argv[2] == "setup":
    channel.exchange_declare("orders", "direct", durable=True)
    channel.queue_declare("placed", durable=True)
    channel.queue_bind("placed", "orders", "placed")
    channel.queue_declare("full", arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
    channel.queue_bind("full", "orders", "full")
else:
    method, properties, body = channel.basic_get(sys.argv[3], auto_ack=True)
    print(json.dumps(None if method is None else {
        "exchange": method.exchange,
        "key": method.routing_key,
        "body": json.loads(body),
        "type": properties.content_type,
        "persistent": properties.delivery_mode == 2,
        "identifier": properties.message_id,
        "application": properties.app_id,
        "headers": properties.headers,
    }))
connection.close()
