"""The help of the language while reading a source and while writing a condition."""

import time
import unittest

from browser import Browser
from flow_server import Server


class Hints(unittest.TestCase):
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
        self.browser.shot(f"hints-{self._testMethodName.removeprefix('test_').replace('_', '-')}")
        self.assertEqual(self.browser.problems(), [])

    def test_a_name_in_the_source_is_described(self):
        page = self.browser
        page.open("flows/Order")
        page.wait(lambda: page.run("return document.querySelectorAll('.source .line').length > 20"), "the source is shown")
        line = """const line = [...document.querySelectorAll('.source .line')]
            .find((one) => one.textContent.includes('state unpaid'));"""
        page.run(line + "line.scrollIntoView({block: 'center'});")
        page.settled()
        # The pointer rests on the name of the state; a late scroll or layout hides the description, as for a person.
        move = line + """
            const node = [...line.childNodes].find((one) => one.textContent.includes('unpaid'));
            const range = document.createRange();
            const start = node.textContent.indexOf('unpaid');
            range.setStart(node, start + 1); range.setEnd(node, start + 4);
            const box = range.getBoundingClientRect();
            line.dispatchEvent(new MouseEvent('mousemove', {bubbles: true, clientX: box.left + 3, clientY: box.top + 5}));
        """

        def is_described():
            page.run(move)
            time.sleep(1)
            return page.run("return document.querySelector('.hover')?.textContent.includes('events:')")

        page.wait(is_described, "the state is described")
        text = page.run("return document.querySelector('.hover').textContent")
        self.assertIn("state unpaid", text)
        self.assertLessEqual(page.overflow(), 0)

    def test_conditions_are_completed(self):
        page = self.browser
        page.open("instances?flow=Order")
        field = page.element("//input[@name='search']")
        page.put(field, "status == 'running' && data.pa")
        page.wait(lambda: page.run("return !!document.querySelector('#conditions option')"), "completions are proposed")
        options = page.run("return [...document.querySelectorAll('#conditions option')].map((one) => one.value)")
        self.assertIn("status == 'running' && data.paid", options)
