"""Pages without a mouse."""

from playwright.async_api import Page

MOST = 80  # elements of a page that take the focus


async def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus, and is in view."""
    for _ in range(MOST):
        await page.keyboard.press("Tab")
        if await page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            break
    else:
        raise AssertionError(f"{selector} cannot be reached")
    box = await page.evaluate(
        "() => { const { top, bottom } = document.activeElement.getBoundingClientRect();"
        " return [top, innerHeight - bottom, bottom - top]; }"
    )
    assert min(box[0], box[1]) > -box[2], f"{selector} has the focus out of sight"
