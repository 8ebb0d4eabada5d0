"""Diagrams of the samples: no text over another text, no line through a text, every part reachable by the keyboard."""

import unittest

from browser import Browser
from flow_server import FLOWS, Server

# The boxes of texts, and the points of lines, in the coordinates of the picture.
MEASURE = """
const svg = document.querySelector('.diagram svg');
const frame = svg.getScreenCTM().inverse();
const box = (text) => {
  const one = text.getBoundingClientRect();
  const [from, to] = [[one.left, one.top], [one.right, one.bottom]].map(([x, y]) => new DOMPoint(x, y).matrixTransform(frame));
  return {text: text.textContent.trim(), of: text.closest('[data-of]')?.dataset.of ?? text.closest('.node, .cluster')?.id ?? '',
    left: from.x + 1, top: from.y + 2, right: to.x - 1, bottom: to.y - 2};
};
const texts = [...svg.querySelectorAll('text')].filter((text) => text.textContent.trim()).map(box);
const found = [];
texts.forEach((one, index) => texts.slice(index + 1).forEach((other) => {
  if (one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom) {
    found.push(`text: ${one.text} | ${other.text}`);
  }
}));
for (const path of svg.querySelectorAll('.edge path')) {
  const edge = path.closest('.edge').id;
  const length = path.getTotalLength();
  const crossed = new Set();
  for (let at = 0; at <= length; at += 2) {
    const point = path.getPointAtLength(at);
    const place = new DOMPoint(point.x, point.y).matrixTransform(path.getScreenCTM()).matrixTransform(frame);
    for (const text of texts) {
      if (text.of !== edge && place.x > text.left && place.x < text.right && place.y > text.top && place.y < text.bottom) crossed.add(text.text);
    }
  }
  for (const text of crossed) found.push(`line of ${edge}: ${text}`);
}
return found;
"""


class Diagrams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.deploy_samples()
        cls.browser = Browser(cls.server.base)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.server.close()

    def draw(self, flow):
        page = self.browser
        page.open(f"flows/{flow}")
        page.wait(lambda: page.run("return !!document.querySelector('.diagram svg g.graph')"), "the diagram is drawn")
        return page

    def test_texts_stay_apart(self):
        for flow in ("Order", *FLOWS):
            with self.subTest(flow=flow):
                self.assertEqual(self.draw(flow).run(MEASURE), [])

    def test_every_transition_is_drawn(self):
        for flow in ("Order", *FLOWS):
            with self.subTest(flow=flow):
                page = self.draw(flow)
                count = len(self.server.request("GET", f"/v1/flows/{flow}")[1]["transitions"])
                drawn = page.run("return document.querySelectorAll('[id^=\"transition.\"], [id^=\"a_transition.\"]:not([id$=\"label\"])').length")
                self.assertGreaterEqual(drawn, count)

    def test_the_keyboard_follows_edges(self):
        page = self.draw("Order")
        page.run("document.querySelector('[id=\"state.unpaid\"]').focus()")
        page.command("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "ArrowDown", "code": "ArrowDown", "windowsVirtualKeyCode": 40})
        self.assertEqual(page.run("return document.activeElement.id"), "state.shipping")
        page.command("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13})
        page.shows("shipment.done → delivered")

    def test_the_list_says_the_same(self):
        page = self.draw("Card")
        page.click("As a list")
        for transition in self.server.request("GET", "/v1/flows/Card")[1]["transitions"]:
            page.shows(transition["label"])


if __name__ == "__main__":
    unittest.main()
