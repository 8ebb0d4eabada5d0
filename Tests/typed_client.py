"""Uses the client that a generator has made from /openapi.json: typed_client.py URL.

It starts an order, sends a payment, reads the instance, and receives a refusal as a typed problem.
"""
import sys

from flow_client import Client
from flow_client.api.instances import get_v1_flows_flow_instances_key
from flow_client.api.events import post_v1_flows_flow_instances, post_v1_flows_flow_instances_key_events
from flow_client.models import EventAnswer, EventPaid, EventPlaced, EventType0, EventType1, Instance, Problem
from flow_client.models import RoutedEventType0
from flow_client.models import GetV1FlowsFlowInstancesKeyFlow as ReadFlow
from flow_client.models import PostV1FlowsFlowInstancesFlow as StartFlow
from flow_client.models import PostV1FlowsFlowInstancesKeyEventsFlow as SendFlow

client = Client(base_url=sys.argv[1])


def send(event):
    return post_v1_flows_flow_instances_key_events.sync(SendFlow("Order"), "o1", client=client, body=event)


started = post_v1_flows_flow_instances.sync(
    StartFlow("Order"), client=client, body=RoutedEventType0(event="Placed", data=EventPlaced(id="o1", cents=100)))
assert isinstance(started, EventAnswer) and started.created and started.to == ["unpaid"], started

paid = send(EventType1(event="Paid", data=EventPaid(cents=40)))
assert isinstance(paid, EventAnswer) and not paid.created, paid

instance = get_v1_flows_flow_instances_key.sync(ReadFlow("Order"), "o1", client=client)
assert isinstance(instance, Instance) and instance.revision == 2, instance

refused = send(EventType0(event="Placed", data=EventPlaced(id="o1", cents=100)))
assert isinstance(refused, Problem) and refused.status == 409, refused
print("the generated client works")
