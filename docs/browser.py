"""A headless chromium that shows a page in real time, driven through its DevTools protocol.

(`chromium --screenshot --virtual-time-budget` draws some pages before they have their data: the
browser's clock runs ahead of the server.)
"""

import asyncio
import base64
import itertools
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

LIMIT_SECONDS = 120.0
SETTLE_SECONDS = 3.0
"""After a page holds what is waited for, until its charts stand still."""
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-port=0"),
]
_WHOLE_TEXT = """(() => {
  const text = node => node.nodeType === Node.TEXT_NODE ? node.textContent
    : [node.shadowRoot, ...node.childNodes].filter(Boolean).map(text).join(" ");
  return text(document.body);
})()"""
"""The text of the page, that in shadow trees too."""


def shoot(
    url: str, image: Path, *, size: tuple[int, int], holds: str = "", then: Sequence[str] = ()
) -> None:
    """Save what chromium shows of a page of `size` once it holds a text.

    `then` are expressions in JavaScript, evaluated one after the other before.
    """
    asyncio.run(_shoot(url, image, size, holds, then))
    print(image)


async def _shoot(
    url: str, image: Path, size: tuple[int, int], holds: str, then: Sequence[str]
) -> None:
    with tempfile.TemporaryDirectory() as profile:
        browser = await asyncio.create_subprocess_exec(
            need("chromium"),
            *OPTIONS,
            f"--user-data-dir={profile}",
            f"--window-size={size[0]},{size[1]}",
            "about:blank",
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(LIMIT_SECONDS), aiohttp.ClientSession() as session:
                page = await _Page.of(browser, session)
                width, height = size
                await page.call(
                    "Emulation.setDeviceMetricsOverride",
                    **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
                )
                await page.call("Page.navigate", url=url)
                while holds not in await page.evaluate(_WHOLE_TEXT):
                    await asyncio.sleep(0.5)
                for expression in then:
                    await asyncio.sleep(SETTLE_SECONDS)
                    await page.evaluate(expression)
                await asyncio.sleep(SETTLE_SECONDS)
                shot = await page.call("Page.captureScreenshot", format="png")
                image.write_bytes(base64.b64decode(shot["data"]))
        finally:
            browser.terminate()
            await browser.wait()


class _Page:
    """The browser's page, behind its socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)

    @classmethod
    async def of(
        cls, browser: asyncio.subprocess.Process, session: aiohttp.ClientSession
    ) -> "_Page":
        """Connect to the page that the browser opened at its start."""
        assert browser.stderr is not None
        found = None
        while found is None:
            line = (await browser.stderr.readline()).decode()
            found = re.search(r"ws://([\d.:]+)/", line)
        async with session.get(f"http://{found[1]}/json") as answer:
            pages = [each for each in await answer.json() if each["type"] == "page"]
        socket = await session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0)
        return cls(socket)

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the protocol; return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer = json.loads(await self._socket.receive_str())
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])

    async def evaluate(self, expression: str) -> Any:
        """Return an expression's value, a plain one; None while the page has none."""
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value", "")


def need(program: str) -> str:
    """The path of a program, which must be installed."""
    found = shutil.which(program)
    if found is None:
        sys.exit(f"{program} is needed; on Debian: apt-get install {program}")
    return found
