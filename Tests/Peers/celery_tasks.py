"""The order of the durable benchmark as a chain of Celery tasks."""

import os

from celery import Celery, chain

URL = os.environ.get("PEER_REDIS", "")
app = Celery("celery_tasks", broker=URL, backend=URL)
app.conf.task_acks_late = True


@app.task
def place(amount):
    return {"amount": amount}


@app.task
def pay(order, amount):
    if amount != order["amount"]:
        raise ValueError("another amount")
    return order | {"paid": True}


@app.task
def ship(order):
    return order | {"shipped": True}


def order():
    return chain(place.s(5), pay.s(5), ship.s())
