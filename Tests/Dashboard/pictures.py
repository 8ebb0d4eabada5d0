"""Takes the pictures of Docs/images: `python3 Tests/Dashboard/pictures.py` in the environment of `make test-ui`."""

import io
import time

from PIL import Image

from browser import ROOT, SHOTS, Browser
from flow_server import Server

# The page of the documentation, the view, and what shows that it is complete.
PICTURES = {
    "flow": ("flows/Order", "import \"payments.flow\""),
    "instance": ("instances/Approval/p4?tab=can", "Approve"),
    "board": ("instances?flow=Card&view=board", "paint the door"),
    "process": ("tasks", "office chairs"),
    "automation": ("flows/Release", "flow Release"),
    "pipeline": ("simulate?flow=Clean", "Sent"),
    "drip": ("instances/Drip/ann@example.test?tab=history", "SignedUp"),
}


def main():
    server = Server()
    try:
        server.load_samples()
        page = Browser(server.base, width=1200, height=900)
        page.open()
        page.act_as("max", "manager")
        for name, (place, text) in PICTURES.items():
            page.open(place)
            if name == "pipeline":
                page.fill("Seconds", "4")
                page.fill("Data", '{"sensor": "boiler", "value": ${random:10-90}, "unit": "C"}')
                page.click("Send 20 events")
                page.shows("Over after")
            page.shows(text)
            time.sleep(1)
            page.shot(f"docs-{name}")
            picture = Image.open(SHOTS / f"docs-{name}.png").convert("RGB")
            out = io.BytesIO()
            picture.quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
            target = ROOT / f"Docs/images/{name}.png"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(out.getvalue())
            print(f"{target.relative_to(ROOT)}: {len(out.getvalue())} bytes")
        page.close()
    finally:
        server.close()


if __name__ == "__main__":
    main()
