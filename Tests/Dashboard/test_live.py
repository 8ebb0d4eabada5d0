"""Changes arrive without a reload: after a kill of the server, without a network, by server-sent events, for two people."""

import time
import unittest

from browser import Browser
from flow_server import Server


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.load_samples()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def browser(self, **shape):
        browser = Browser(self.server.base, **shape)
        self.addCleanup(browser.close)
        return browser

    def card(self, key, title):
        status, answer = self.server.event("Add", {"id": key, "board": "house", "title": title})
        self.assertEqual(status, 201, answer)

    def test_the_server_is_killed_during_use(self):
        page = self.browser()
        page.open("instances?flow=Card&view=board")
        page.shows("Live")
        for number in range(3):
            self.server.kill()
            page.shows("Stale for")
            self.server.start()
            self.card(f"kill-{number}", f"card {number} after the kill")
            page.shows(f"card {number} after the kill")
            page.shows("Live")
        self.assertEqual(page.problems(), [])

    def test_the_network_is_lost(self):
        page = self.browser()
        page.open("instances?flow=Card&view=board")
        page.shows("Live")
        page.command("Network.enable")
        offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        page.command("Network.emulateNetworkConditions", {"offline": True} | offline)
        page.shows("Stale for")
        self.card("net-1", "added without you")
        page.command("Network.emulateNetworkConditions", {"offline": False} | offline)
        page.shows("added without you")
        page.shows("Live")

    def test_server_sent_events_do_as_well(self):
        page = self.browser()
        page.driver.get(f"{self.server.base}/ui/?live=sse#/instances?flow=Card&view=board")
        page.settled()
        page.shows("Live")
        self.card("sse-1", "came as an event")
        page.shows("came as an event")

    def test_the_later_edit_is_told_of_the_newer_version(self):
        self.card("two-1", "a card of two")
        ann, bob = self.browser(), self.browser()
        for page, name in ((ann, "ann"), (bob, "bob")):
            page.open("instances?flow=Card&view=board")
            page.act_as(name)
            page.shows("a card of two")
        # Both open the form at the same revision.
        for page, title in ((ann, "painted by ann"), (bob, "painted by bob")):
            page.click("Rename", within="//article[contains(., 'a card of two')]")
            page.fill("title", title)
        ann.click("Send Rename")
        ann.shows("painted by ann")
        bob.click("Send Rename")
        bob.shows("There is a newer version")
        bob.shot("newer-version")
        self.assertEqual(self.server.request("GET", "/v1/flows/Card/instances/two-1")[1]["data"]["title"], "painted by ann")
        bob.click("Continue with the newer version")
        bob.click("Send Rename")
        ann.shows("painted by bob")

    def test_a_card_is_moved_by_its_button(self):
        self.card("move-1", "a card to move")
        ann, bob = self.browser(), self.browser(width=360, height=780)
        for page, name in ((ann, "ann"), (bob, "bob")):
            page.open("instances?flow=Card&view=board")
            page.act_as(name)
            page.shows("a card to move")
        ann.click("Take", within="//article[contains(., 'a card to move')]")
        bob.element("//section[.//h2='doing']//article[contains(., 'a card to move')]")

    def test_a_burst_of_changes_moves_no_row(self):
        page = self.browser()
        page.open("instances?flow=Order")
        before = page.run("return [...document.querySelectorAll('tbody .key')].map((key) => key.textContent)")
        for number in range(20):
            self.server.event("Placed", {"order_id": f"burst-{number}", "email": "a@b", "items": [{"sku": "x", "qty": 1, "price": 9.5}]})
        self.server.event("Paid", {"amount": 1.0}, flow="Order", key="o7")
        page.shows("20 changes outside of this list")
        page.wait(lambda: page.run("return document.querySelector('tr.fresh .key')?.textContent") == "o7", "the changed row is marked")
        self.assertEqual(page.run("return [...document.querySelectorAll('tbody .key')].map((key) => key.textContent)"), before)


if __name__ == "__main__":
    unittest.main()
