"""Durable workflows of three steps per second, by a library named on the command line, with a folder for its files."""

import os
import subprocess
import sys
import threading
import time

SECONDS = float(os.environ.get("PEER_SECONDS", "5"))


def timed(run_one, threads):
    """Calls `run_one` from so many threads for a while, and returns the calls per second."""
    counts = [0] * threads
    end = time.monotonic() + SECONDS

    def work(index):
        while time.monotonic() < end:
            run_one(f"{os.getpid()}-{index}-{counts[index]}")
            counts[index] += 1

    start = time.monotonic()
    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.monotonic() - start)


def dbos(url):
    from dbos import DBOS, SetWorkflowID

    DBOS(config={"name": "peer", "system_database_url": url, "log_level": "ERROR", "run_admin_server": False})

    @DBOS.step()
    def place(amount):
        return {"amount": amount}

    @DBOS.step()
    def pay(order, amount):
        if amount != order["amount"]:
            raise ValueError("another amount")
        return order | {"paid": True}

    @DBOS.step()
    def ship(order):
        return order | {"shipped": True}

    @DBOS.workflow()
    def order(amount):
        return ship(pay(place(amount), amount))

    DBOS.launch()

    def run_one(key):
        with SetWorkflowID(key):
            assert order(5)["shipped"]

    for threads in (1, 64):
        yield threads, timed(run_one, threads)
    DBOS.destroy()


def spiffworkflow(folder):
    import sqlite3

    from SpiffWorkflow.bpmn import BpmnWorkflow
    from SpiffWorkflow.bpmn.parser import BpmnParser
    from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
    from SpiffWorkflow.util.task import TaskState

    parser = BpmnParser()
    parser.add_bpmn_file(os.path.join(os.path.dirname(__file__), "order.bpmn"))
    spec = parser.get_spec("order")
    serializer = BpmnWorkflowSerializer()
    store = sqlite3.connect(os.path.join(folder, "spiff.db"), isolation_level=None)
    store.executescript("pragma journal_mode=wal; pragma synchronous=full; create table w (id text primary key, body text)")

    def save(key, workflow):
        store.execute("insert or replace into w values (?, ?)", (key, serializer.serialize_json(workflow)))

    count, end, start = 0, time.monotonic() + SECONDS, time.monotonic()
    while time.monotonic() < end:
        workflow = BpmnWorkflow(spec)
        workflow.do_engine_steps()
        for data in ({"amount": 5}, {"paid": True}, {"shipped": True}):
            (task,) = workflow.get_tasks(state=TaskState.READY, manual=True)
            task.set_data(**data)
            task.run()
            workflow.do_engine_steps()
            save(str(count), workflow)
        assert workflow.completed
        count += 1
    yield 1, count / (time.monotonic() - start)


def celery(url):
    os.environ["PEER_REDIS"] = url
    import celery_tasks

    # Two processes, as there are two cores on the reference machine.
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "-c", "2", "-l", "ERROR"],
        cwd=os.path.dirname(os.path.abspath(__file__)), stdout=sys.stderr)
    try:
        assert celery_tasks.order().apply_async().get(timeout=60)["shipped"]

        def run_one(_):
            assert celery_tasks.order().apply_async().get(timeout=60)["shipped"]

        for threads in (1, 64):
            yield threads, timed(run_one, threads)
    finally:
        worker.terminate()
        worker.wait()


def main():
    library, target = sys.argv[1:]
    for threads, rate in {"dbos": dbos, "spiffworkflow": spiffworkflow, "celery": celery}[library](target):
        print(f"{threads}\t{rate:.1f}", flush=True)
    sys.stdout.flush()
    os._exit(0)


main()
