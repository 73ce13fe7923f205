"""What keeps people out of a page: axe's findings, things too small to tap, sideways scrolling."""

from playwright.async_api import Page

from tests.fakes.tools import need_module

_SMALL = """
[...document.querySelectorAll('button, summary, select, input:not([type=hidden]), .button, .languages a')]
  .filter((e) => e.checkVisibility() && !e.matches('[type=checkbox], [type=radio]'))
  .filter((e) => e.getBoundingClientRect().height < 44)
  .map((e) => e.outerHTML)
"""


async def barriers(page: Page) -> list[object]:
    """Everything found on the page as it is now, with all `details` open; empty is good."""
    axe = need_module("axe-core", why="it looks for barriers in the pages") / "axe.min.js"
    await page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    # through the debugger: the page's own policy forbids foreign scripts
    await page.evaluate(axe.read_text())
    found = await page.evaluate("axe.run()")
    problems: list[object] = [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in found["violations"]
    ]
    problems += await page.evaluate(_SMALL)
    problems += await _too_wide(page, "")
    await page.evaluate("document.documentElement.style.fontSize = '200%'")  # WCAG 1.4.4
    size = page.viewport_size
    assert size is not None
    await page.set_viewport_size({**size, "width": 640})
    problems += await _too_wide(page, " with text twice as large")
    await page.evaluate("document.documentElement.style.fontSize = ''")
    await page.set_viewport_size(size)
    return problems


async def _too_wide(page: Page, when: str) -> list[object]:
    width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"{width} px too wide{when}"] if width > 0 else []
