"""What a view may cost: bytes, requests, layout shift, and the longest task with much to show."""

import json
import time
import unittest

from browser import Browser
from flow_server import Server

OBSERVE = """window.seen = {shift: 0, tasks: []};
new PerformanceObserver((list) => { for (const one of list.getEntries()) if (!one.hadRecentInput) seen.shift += one.value })
  .observe({type: 'layout-shift', buffered: true});
new PerformanceObserver((list) => { for (const one of list.getEntries()) seen.tasks.push(Math.round(one.duration)) })
  .observe({type: 'longtask', buffered: true});"""
INSTANCES = 10_000
ENTRIES = 20_000


class Budget(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.load_samples()
        cls.browser = Browser(cls.server.base)
        cls.browser.command("Page.addScriptToEvaluateOnNewDocument", {"source": OBSERVE})

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.server.close()

    def test_1_the_first_view(self):
        page = self.browser
        page.command("Network.clearBrowserCache")
        page.open()
        page.shows("Live")
        time.sleep(1)
        loads = json.loads(page.run("""return JSON.stringify([...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
            .map((one) => [one.name, one.transferSize]))"""))
        print("\n" + "\n".join(f"{size:7} {name}" for name, size in loads))
        seen = page.run("return seen")
        print(f"first view: {sum(size for _, size in loads)} bytes, {len(loads)} requests, shift {seen['shift']:.4f}, long tasks {seen['tasks']}")
        self.assertLessEqual(sum(size for _, size in loads), 120 * 1024)
        self.assertLessEqual(len(loads), 12)
        self.assertLess(seen["shift"], 0.05)
        self.assertTrue(all(self.server.base in name for name, _ in loads), "nothing is loaded from elsewhere")

    def fill(self):
        """Many instances, and one with a long history."""
        for start in range(0, INSTANCES, 1000):
            batch = [{"specversion": "1.0", "id": f"b{n}", "source": "test", "type": "Placed", "data": {
                "order_id": f"many-{n}", "email": "a@b", "items": [{"sku": "x", "qty": 1, "price": 1e9}]}} for n in range(start, start + 1000)]
            status, _ = self.server.request("POST", "/v1/events", batch, type="application/cloudevents-batch+json")
            self.assertEqual(status, 200)
        for start in range(0, ENTRIES, 1000):
            batch = [{"specversion": "1.0", "id": f"p{n}", "source": "test", "type": "Paid", "subject": "Order/many-7", "data": {"amount": 1.0}}
                     for n in range(start, start + 1000)]
            status, answer = self.server.request("POST", "/v1/events", batch, type="application/cloudevents-batch+json")
            self.assertEqual((status, answer["refused"]), (200, 0))

    def test_2_much_to_show(self):
        self.fill()
        for place in ("", "instances?flow=Order", "instances?flow=Order&view=board", "flows/Order", "instances/Order/many-7?tab=history"):
            with self.subTest(view=place):
                # Other work of the machine only adds to what is measured: the best of three counts.
                measured = [self.measure(place) for _ in range(3)]
                shift, task = min(one[0] for one in measured), min(one[1] for one in measured)
                print(f"{place or 'overview'}: shift {shift:.4f}, longest task {task} ms")
                self.assertLess(shift, 0.05)
                self.assertLessEqual(task, 200)

    def measure(self, place):
        """Layout shift and the longest task of a view that is opened anew."""
        page = self.browser
        page.driver.get("about:blank")
        page.open(place)
        if "many-7" in place:
            page.shows("All 20001 entries")
            page.run("document.querySelector('.timeline').scrollTop = 400000")
            time.sleep(0.5)
            page.run("document.querySelector('.timeline').scrollTop = 0")
            page.shows("Placed")
        time.sleep(0.7)
        seen = page.run("return seen")
        return seen["shift"], max(seen["tasks"], default=0)


if __name__ == "__main__":
    unittest.main()
