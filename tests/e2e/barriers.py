"""What keeps people out of a page: axe's findings, things too small to tap, sideways scrolling."""

from playwright.async_api import Page

from tests.fakes.tools import need_module

_SMALL = """
[...document.querySelectorAll('button, summary, select, input:not([type=hidden]), .button, .languages a')]
  .filter((e) => e.checkVisibility() && !e.matches('[type=checkbox]'))
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
    for text in ("100%", "200%"):  # WCAG 1.4.4
        await page.evaluate("(size) => { document.documentElement.style.fontSize = size; }", text)
        width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if width > 0:
            problems.append(f"{width} px too wide with text of {text}")
    await page.evaluate("document.documentElement.style.fontSize = ''")
    return problems
