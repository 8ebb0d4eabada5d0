"""Signing in: a reader sees everything and changes nothing; a key for one flow sees that flow alone."""

import pathlib
import subprocess
import tempfile
import unittest

from browser import Browser
from flow_server import BINARY, Server


def new_key(file, name, *options):
    command = [BINARY, "key", "new", "--name", name, "--keys", file, *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Session(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        keys = str(pathlib.Path(cls.folder.name) / "keys.toml")
        scopes = [word for scope in ("read", "send", "work", "operate", "deploy") for word in ("--scope", scope)]
        admin = new_key(keys, "admin", *scopes, "--role", "manager", "--role", "requester")
        cls.reader = new_key(keys, "reader", "--scope", "read")
        cls.single = new_key(keys, "single", "--scope", "read", "--flow", "Card")
        cls.server = Server("--keys", keys)
        cls.server.key = admin
        cls.server.deploy_samples()
        cls.server.event("Add", {"id": "c1", "board": "house", "title": "paint the door"})

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.folder.cleanup()

    def sign_in(self, key):
        page = Browser(self.server.base)
        self.addCleanup(page.close)
        page.driver.get(f"{self.server.base}/ui/#/instances/Card/c1")
        page.shows("Sign in to Flow")
        page.fill("Key", "flow_wrong")
        page.click("Sign in")
        page.shows("not known")
        self.assertEqual(page.violations(), [])
        page.shot("sign-in")
        page.fill("Key", key)
        page.click("Sign in")
        return page

    def test_a_reader_sees_and_changes_nothing(self):
        page = self.sign_in(self.reader)
        page.shows("waits for Rename")
        page.shows("Live")
        for name in ("Suspend", "Cancel", "Fork"):
            button = page.element(f"//button[normalize-space()='{name}']")
            self.assertFalse(button.is_enabled())
            self.assertIn("scope “operate”", button.get_attribute("title"))
        self.server.event("Rename", {"title": "paint the red door"}, flow="Card", key="c1")
        page.shows("paint the red door")
        self.assertEqual(page.run("return document.cookie"), "")
        page.element("//button[@title='Caller']").click()
        page.shows("reader")
        page.click("Sign out")
        page.shows("Sign in to Flow")

    def test_a_key_for_one_flow_sees_it_alone(self):
        page = self.sign_in(self.single)
        page.shows("waits for Rename")
        page.open("flows")
        page.shows("Card")
        self.assertNotIn("Approval", page.text())
        page.open("instances")
        page.shows("c1")


if __name__ == "__main__":
    unittest.main()
