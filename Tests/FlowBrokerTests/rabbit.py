"""Looks after a broker for a test, over AMQP:

rabbit.py PORT setup                 declares what the tests of `publish` need
rabbit.py PORT declare QUEUE [DEAD]  declares a queue, and the queue of its dead letters
rabbit.py PORT fan EXCHANGE QUEUE    declares a fan-out exchange, and a queue that is bound to it
rabbit.py PORT send QUEUE            publishes the lines of standard input: the identifier, a space, the body
rabbit.py PORT count QUEUE           prints the number of messages that wait
rabbit.py PORT drain QUEUE           prints the bodies of all messages as a JSON list, and removes them
rabbit.py PORT get QUEUE             prints a message as JSON, and removes it
"""

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
elif sys.argv[2] == "declare":
    queue, dead = sys.argv[3], sys.argv[4:]
    arguments = {}
    if dead:
        channel.queue_declare(dead[0], durable=True)
        arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead[0]}
    channel.queue_declare(queue, durable=True, arguments=arguments)
elif sys.argv[2] == "fan":
    channel.exchange_declare(sys.argv[3], "fanout", durable=True)
    channel.queue_declare(sys.argv[4], durable=True)
    channel.queue_bind(sys.argv[4], sys.argv[3])
elif sys.argv[2] == "send":
    channel.confirm_delivery()
    for line in sys.stdin:
        identifier, _, body = line.rstrip("\n").partition(" ")
        channel.basic_publish("", sys.argv[3], body.encode(), pika.BasicProperties(
            content_type="application/json", message_id=None if identifier == "-" else identifier, delivery_mode=2))
elif sys.argv[2] == "drain":
    bodies = []
    while True:
        method, properties, body = channel.basic_get(sys.argv[3], auto_ack=True)
        if method is None:
            break
        bodies.append({"key": method.routing_key, "identifier": properties.message_id, "body": json.loads(body)})
    print(json.dumps(bodies))
elif sys.argv[2] == "count":
    print(channel.queue_declare(sys.argv[3], passive=True).method.message_count)
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
