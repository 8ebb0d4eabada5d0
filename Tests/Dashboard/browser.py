"""A browser on the dashboard, and what the tests do with it."""

import base64
import os
import pathlib
import time

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

ROOT = pathlib.Path(__file__).resolve().parents[2]
AXE = ROOT / ".build/dashboard/axe/axe_playwright_python/axe.min.js"
SHOTS = pathlib.Path(os.environ.get("SHOTS", ROOT / ".build/dashboard/shots"))
PATIENCE = float(os.environ.get("PATIENCE", 15))


class Browser:
    def __init__(self, base, width=1360, height=900, dark=False):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={width},{height}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.base = base
        self.driver.get("about:blank")
        self.shape(width, height, dark)

    def shape(self, width, height, dark=False):
        is_phone = width < 720
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone}
        self.command("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        motion = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.command("Emulation.setEmulatedMedia", {"features": [scheme, motion]})

    def command(self, name, arguments=None):
        return self.driver.execute_cdp_cmd(name, arguments or {})

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def open(self, place=""):
        """Opens a view by its address behind `#/`, and waits until it has loaded."""
        self.driver.get(f"{self.base}/ui/#/{place}")
        self.settled()

    def settled(self):
        self.wait(lambda: self.run("return !document.querySelector('.loading') && !!document.querySelector('main h1')"), "the view loads")

    def wait(self, test, reason):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                found = test()
                if found:
                    return found
            except StaleElementReferenceException:
                pass
            if time.monotonic() > end:
                raise AssertionError(f"not within {PATIENCE:.0f} s: {reason}\n{self.text()[:2000]}\n{self.problems()}")
            time.sleep(0.05)

    def text(self):
        return self.run("return document.body.innerText")

    def text_of(self, selector):
        return self.run("return document.querySelector(arguments[0])?.innerText", selector)

    def shows(self, text):
        self.wait(lambda: text in self.text(), f"the page shows “{text}”")

    def hides(self, text):
        self.wait(lambda: text not in self.text(), f"the page no longer shows “{text}”")

    def element(self, xpath):
        return self.wait(lambda: next((one for one in self.driver.find_elements(By.XPATH, xpath) if one.is_displayed()), None), xpath)

    def click(self, name, within=""):
        """Clicks the button, link or tab with this text or label."""
        kinds = "self::button or self::a or self::summary or @role='tab' or self::label"
        path = f"{within}//*[{kinds}][normalize-space()='{name}' or @aria-label='{name}' or starts-with(normalize-space(),'{name} ')]"
        self.wait(lambda: self.press(path), f"“{name}” can be clicked")

    def press(self, path):
        for one in self.driver.find_elements(By.XPATH, path):
            if one.is_displayed() and one.is_enabled():
                try:
                    one.click()
                except WebDriverException:
                    return False
                return True
        return False

    def fill(self, label, text):
        """Fills the field with this label."""
        path = f"//label[.//*[starts-with(normalize-space(),'{label}')] or starts-with(normalize-space(),'{label}')]//*[self::input or self::textarea or self::select]"
        self.put(self.element(path), text)

    def put(self, field, text):
        script = """const [field, text] = arguments; const kind = Object.getPrototypeOf(field);
            Object.getOwnPropertyDescriptor(kind, 'value').set.call(field, text);
            for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, {bubbles: true}));"""
        self.run(script, field, text)

    def act_as(self, name, *roles):
        """The caller, on a server without keys."""
        self.run("localStorage.setItem('flow.acting', JSON.stringify({name: arguments[0], roles: arguments[1]})); location.reload()", name, list(roles))
        self.settled()

    # What is wrong.

    def problems(self):
        """Errors of the console, without requests whose refusal is expected."""
        lines = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        expected = ("Failed to load resource", "WebSocket connection to", "ERR_CONNECTION_REFUSED")
        return [line for line in lines if not any(part in line for part in expected)]

    def violations(self):
        """What axe finds, as lines."""
        self.command("Page.setBypassCSP", {"enabled": True})
        if not self.run("return !!window.axe"):
            self.command("Runtime.evaluate", {"expression": AXE.read_text()})
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then((r) => done(r.violations))")
        return [f"{one['id']}: {node['target']} {node['failureSummary'][:200]}" for one in found for node in one["nodes"]]

    def overflow(self):
        """Pixels by which the page is wider than its window."""
        return self.run("return document.documentElement.scrollWidth - innerWidth")

    def shot(self, name):
        SHOTS.mkdir(parents=True, exist_ok=True)
        data = self.command("Page.captureScreenshot", {"format": "png"})["data"]
        (SHOTS / f"{name}.png").write_bytes(base64.b64decode(data))

    def close(self):
        self.driver.quit()
