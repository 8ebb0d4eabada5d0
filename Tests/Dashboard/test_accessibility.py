"""Every view on a desktop and a phone, in light and dark: no axe violation, no sideways scrolling, targets of 44 px."""

import unittest

from browser import Browser
from flow_server import Server

VIEWS = {
    "overview": "", "instances": "instances", "board": "instances?flow=Card&view=board", "instance": "instances/Approval/p2",
    "can": "instances/Card/c3?tab=can", "history": "instances/Order/o2?tab=history", "actions": "instances/Approval/p1?tab=actions",
    "timers": "instances/Approval/p1?tab=timers", "json": "instances/Order/o2?tab=json", "flows": "flows", "flow": "flows/Order",
    "events": "flows/Release?tab=events", "versions": "flows/Order?tab=versions", "deploy": "flows/Approval?tab=deploy",
    "tasks": "tasks", "simulate": "simulate", "play": "simulate?tab=play&flow=Card", "server": "server", "dead": "server?tab=dead", "jobs": "server?tab=jobs", "schedules": "server?tab=schedules", "keys": "server?tab=keys", "audit": "server?tab=audit", "api": "api", "request": "api/postV1FlowsFlowInstances",
    "steps": "instances/Drip/ann@example.test?tab=actions",
}
SMALL = """return [...document.querySelectorAll('button, select, input:not([type=checkbox]):not([type=file]), nav a, summary')]
    .filter((one) => one.checkVisibility() && !one.closest('.hide')).map((one) => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.height < 43.5 && box.height > 1).map(([one, box]) => `${one.tagName} ${one.textContent.slice(0, 30)} ${box.height}`)"""


class Accessibility(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.load_samples()
        cls.browser = Browser(cls.server.base)
        cls.browser.open()
        cls.browser.act_as("max", "manager")

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.server.close()

    def check(self, width, height, dark):
        page = self.browser
        page.shape(width, height, dark)
        for name, place in VIEWS.items():
            with self.subTest(view=name, width=width, dark=dark):
                page.open(place)
                page.run("return new Promise((done) => setTimeout(done, 250))")
                page.shot(f"{name}-{'phone' if width < 720 else 'desktop'}-{'dark' if dark else 'light'}")
                self.assertLessEqual(page.overflow(), 0)
                if width < 720:
                    self.assertEqual(page.run(SMALL), [])
                self.assertEqual(page.violations(), [])

    def test_desktop_light(self):
        self.check(1360, 900, False)

    def test_desktop_dark(self):
        self.check(1360, 900, True)

    def test_phone_light(self):
        self.check(360, 780, False)

    def test_phone_dark(self):
        self.check(360, 780, True)

    def test_dialogs(self):
        page = self.browser
        page.shape(360, 780)
        for place, button in (("flows/Order", "Trigger"), ("instances/Approval/p1", "Suspend"), ("instances?flow=Order", "Act on all that match"), ("flows", "Deploy a flow"), ("tasks", "Approve"), ("", "Caller"), ("server?tab=dead", "Details")):
            with self.subTest(dialog=button):
                page.open(place)
                if button == "Caller":
                    page.element("//button[@title='Caller']").click()
                else:
                    page.click(button)
                page.element("//dialog")
                page.shot(f"dialog-{button.lower().replace(' ', '-')}")
                self.assertLessEqual(page.overflow(), 0)
                self.assertEqual(page.violations(), [])

    def test_documentation(self):
        page = self.browser
        for width, height, dark in ((1360, 900, False), (360, 780, True)):
            with self.subTest(width=width):
                page.shape(width, height, dark)
                page.driver.get(page.base + "/docs")
                page.shot(f"docs-{'phone-dark' if width < 720 else 'desktop-light'}")
                self.assertLessEqual(page.overflow(), 0)
                self.assertEqual(page.violations(), [])

    def test_the_keyboard_reaches_everything(self):
        page = self.browser
        page.shape(1360, 900)
        page.open("instances")
        seen = set()
        for _ in range(40):
            page.command("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9})
            page.command("Input.dispatchKeyEvent", {"type": "keyUp", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9})
            seen.add(page.run("const one = document.activeElement; return one.getAttribute('aria-label') ?? one.textContent.trim()"))
        for name in ("Skip to content", "Instances", "Search", "Flow", "Act on all that match"):
            self.assertIn(name, seen)


if __name__ == "__main__":
    unittest.main()
