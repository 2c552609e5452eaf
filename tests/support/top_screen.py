"""The screen of `top` in a test: keys in, its text out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from pueue_skill.views.top import Top

Steps = Callable[[Top, Pilot[None]], Awaitable[None]]


def run(app: Top, steps: Steps, size: tuple[int, int] = (200, 40)) -> None:
    """Run `steps` on the app, on a screen of this size."""

    async def play() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await steps(app, pilot)

    asyncio.run(play())


def screen(app: Top) -> str:
    """Return the text of the screen."""
    return "\n".join(["".join([segment.text for segment in line]) for line in app.screen._compositor.render_strips()])


async def wait_for(app: Top, pilot: Pilot[None], text: str, seconds: float = 15) -> None:
    """Wait until the screen contains `text`."""
    limit = time.monotonic() + seconds
    while text not in screen(app):
        assert time.monotonic() < limit, f"{text!r} is not on the screen:\n{screen(app)}"
        await pilot.pause(0.02)
