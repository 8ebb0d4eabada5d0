"""The nodes of a store: listed with their roles by each of them, also after the loss of the owner."""

import glob
import unittest

from browser import Browser
from flow_server import Server
from nodes_server import Nodes


@unittest.skipUnless(glob.glob("/usr/lib/postgresql/*/bin"), "PostgreSQL is not installed")
class SeveralNodes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.nodes = Nodes(3)
        # The page of a standby.
        cls.browser = Browser(cls.nodes.base(1))

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.nodes.close()

    def rows(self):
        return self.browser.run("return [...document.querySelectorAll('tbody tr')].map((one) => one.innerText)")

    def test_1_the_list_names_the_owner_and_the_standbys(self):
        page = self.browser
        page.open("server")
        page.click("Nodes")
        page.wait(lambda: len(self.rows()) == 3, "three nodes are listed")
        rows = self.rows()
        self.assertIn(self.nodes.base(0), rows[0])
        self.assertIn("owner", rows[0])
        self.assertIn("since", rows[0])
        for row in rows[1:]:
            self.assertIn("standby", row)
            self.assertNotIn("since", row)
        self.assertIn("A standby claims the store", page.text())
        self.assertEqual(page.problems(), [])

    def test_2_it_is_accessible_on_a_desktop_and_a_phone(self):
        page = self.browser
        for width, height in ((1360, 900), (360, 780)):
            for dark in (False, True):
                with self.subTest(width=width, dark=dark):
                    page.shape(width, height, dark)
                    page.open("server?tab=nodes")
                    page.wait(lambda: len(self.rows()) == 3, "three nodes are listed")
                    page.shot(f"nodes-{'phone' if width < 720 else 'desktop'}-{'dark' if dark else 'light'}")
                    self.assertLessEqual(page.overflow(), 0)
                    self.assertEqual(page.violations(), [])
        page.shape(1360, 900)

    def test_3_a_killed_owner_is_shown_as_such_without_reloading(self):
        page = self.browser
        page.open("server?tab=nodes")
        page.wait(lambda: len(self.rows()) == 3, "three nodes are listed")
        self.nodes.kill(0)
        page.shows("not seen, was owner")
        page.wait(lambda: "since" in self.rows()[0] and self.nodes.base(0) not in self.rows()[0], "another node is the owner")
        self.assertIn(self.nodes.base(0), self.rows()[2])
        page.shot("nodes-after-the-loss-of-the-owner")


class OneNode(unittest.TestCase):
    def test_a_server_with_a_file_has_no_list_of_nodes(self):
        server = Server()
        page = Browser(server.base)
        try:
            page.open("server")
            page.shows("Readiness")
            tabs = page.run("return [...document.querySelectorAll('[role=tab]')].map((one) => one.textContent)")
            self.assertIn("Jobs", tabs)
            self.assertNotIn("Nodes", tabs)
        finally:
            page.close()
            server.close()


if __name__ == "__main__":
    unittest.main()
