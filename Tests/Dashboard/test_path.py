"""The main path: trigger a flow, see it move, decide a task, see a refusal explained, redrive, deploy."""

import unittest

from browser import Browser
from flow_server import Server


class MainPath(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.load_samples()
        cls.browser = Browser(cls.server.base)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.server.close()

    def tearDown(self):
        # The path as pictures, one after each step.
        self.browser.shot(f"path-{self._testMethodName.removeprefix('test_').replace('_', '-')}")
        self.assertEqual(self.browser.problems(), [])

    def test_1_the_overview_counts_and_is_live(self):
        page = self.browser
        page.open()
        page.shows("Live")
        for text in ("Running", "Dead letters", "Order", "Approval"):
            page.shows(text)

    def test_2_a_flow_is_triggered_and_moves(self):
        page = self.browser
        page.open("flows/Order")
        page.click("Trigger")
        page.fill("order_id", "new-1")
        page.fill("email", "new@example.test")
        page.fill("sku", "chair")
        page.fill("qty", "2")
        page.fill("price", "10")
        page.click("Preview")
        page.shows("Preview: applied")
        page.click("Start")
        page.shows("waits for Paid")
        # Somebody else pays; the page is not touched.
        self.server.event("Paid", {"amount": 20.0}, flow="Order", key="new-1")
        page.shows("delivered")
        page.wait(lambda: page.run("return !!document.querySelector('[id=\"state.delivered\"].active')"), "the diagram marks the state")

    def test_3_the_history_shows_each_step_and_goes_back(self):
        page = self.browser
        page.open("instances/Order/o2?tab=history")
        page.shows("Placed")
        page.click("Previous step")
        page.shows("Back to now")
        page.wait(lambda: page.run("return !!document.querySelector('[id=\"state.shipping\"].active')"), "the diagram goes along")
        page.click("Then")
        page.wait(lambda: page.run("return !!document.querySelector('.tree .changed')"), "the changed field is marked")

    def test_4_a_task_is_decided(self):
        page = self.browser
        page.open("tasks")
        page.act_as("max", "manager")
        page.shows("office chairs")
        page.click("Approve", within="//article[contains(., 'office chairs')]")
        page.fill("note", "go ahead")
        page.click("Send Approve")
        page.hides("office chairs")
        status, view = self.server.request("GET", "/v1/flows/Approval/instances/p1")
        self.assertEqual((status, view["state"], view["data"]["approvals"]), (200, ["approved"], ["max"]))

    def test_5_a_refusal_is_explained(self):
        page = self.browser
        page.open("instances/Card/c3?tab=can")
        page.act_as("bob")
        page.click("Why not")
        for text in ("no guard holds", "caller.id == owner", '"bob"', '"ann"'):
            page.shows(text)
        page.open("instances/Approval/p2?tab=can")
        page.click("Why not")
        page.shows("only for role director")

    def test_6_a_dead_letter_is_redriven(self):
        page = self.browser
        before = len(self.server.request("GET", "/v1/dead-letters")[1]["items"])
        page.open("server?tab=dead")
        page.click("Details", within="//tr[contains(., 'UNAVAILABLE')]")
        page.fill("Reason", "the mailbox works again")
        page.click("Redrive")
        page.shows("The history of the instance shows the outcome")
        page.wait(lambda: len(self.server.request("GET", "/v1/dead-letters")[1]["items"]) == before - 1, "it is no dead letter any more")
        page.click("Close")
        page.wait(lambda: page.run("return document.querySelectorAll('tbody tr').length") == before - 1, "it leaves the list")

    def test_7_a_version_is_deployed_after_its_preview(self):
        page = self.browser
        page.open("flows/Card?tab=deploy")
        area = page.element("//textarea")
        source = area.get_property("value")
        page.put(area, source.replace("-> nowhere", "").replace("state open {", "state oppen {"))
        page.click("Preview")
        page.shows("error F")
        page.put(page.element("//textarea"), source.replace("dropped", "lost"))
        page.click("Preview")
        page.shows("+ lost")
        page.shows("running instance")
        page.click("Deploy Card")
        page.shows("is deployed")
        page.click("Versions")
        page.click("Compare with served")
        page.shows("+ lost")

    def test_8_a_filter_is_a_condition_in_the_address(self):
        page = self.browser
        page.open("instances?flow=Order")
        page.put(page.element("//input[@name='search']"), "data.paid > 10.0")
        page.run("document.querySelector('.filters').requestSubmit()")
        page.shows("q: data.paid > 10.0")
        page.wait(lambda: page.run("return [...document.querySelectorAll('tbody .key')].map((key) => key.textContent).sort().join()") == "new-1,o1,o2,o3", "only those that match")
        self.assertIn("q=data.paid", page.driver.current_url)

    def test_9_everything_that_matches_is_suspended_and_resumed(self):
        page = self.browser
        page.open("instances?flow=Order&state=unpaid&status=running")
        page.click("Act on all that match")
        page.fill("Operation", "suspend")
        page.click("Preview")
        page.shows("4 would change, 0 refused")
        page.click("Suspend all")
        page.shows("4 changed, 0 refused")
        page.click("Close")
        page.open("instances?flow=Order&status=suspended")
        page.shows("4 shown")

    def test_a_schedule_runs_now(self):
        page = self.browser
        page.open("flows/Nightly")
        page.click("Run now")
        page.fill("Reason", "a check before the release")
        page.click("Start")
        page.shows("Instances / Nightly")
        key = page.text_of("h1")
        history = self.server.request("GET", f"/v1/flows/Nightly/instances/{key.replace(':', '%3A')}/history")[1]
        self.assertEqual(history["items"][0]["data"]["schedule"]["operator"]["reason"], "a check before the release")
        page.open("server?tab=audit")
        page.shows("/v1/flows/Nightly/schedules/0/run")

    def test_a_deployment_arrives_without_reload(self):
        page = self.browser
        page.open("flows")
        page.shows("Live")
        source = self.server.request("GET", "/v1/flows/Drip/source", headers={"Accept": "text/x-flow"})[1]
        status, answer = self.server.request("PUT", "/v1/flows/Fresh", source.replace(b"flow Drip", b"flow Fresh"), type="text/x-flow")
        self.assertEqual(status, 201, answer)
        page.shows("Fresh")
        self.assertEqual(self.server.request("DELETE", "/v1/flows/Fresh")[0], 200)
        page.shows("retired")

    def test_a_request_is_tried(self):
        page = self.browser
        page.open("api/postV1FlowsFlowInstances")
        body = page.element("//textarea")
        page.put(body, body.get_property("value").replace('"o1"', '"tried-1"'))
        page.click("Send")
        page.shows("201")
        page.shows('"key": "tried-1"')

    def test_the_log_of_attempts(self):
        page = self.browser
        page.open("instances/Order/o2?tab=actions")
        page.element("//section[@aria-label='Log of attempts']//tr[contains(., 'shipment') and contains(., 'done')]")

    def test_a_guard_is_shown_whole(self):
        page = self.browser
        page.open("flows/Release")
        page.wait(lambda: page.run("const label = document.querySelector('.diagram .label'); label?.dispatchEvent(new MouseEvent('click')); return !!label"), "the diagram is drawn")
        page.wait(lambda: page.run("return !!document.querySelector('.diagram .note')"), "the transition is described")


if __name__ == "__main__":
    unittest.main()
