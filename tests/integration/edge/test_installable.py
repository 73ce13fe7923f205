"""The listener page as an app, as the real edge serves it."""

from tests.fakes.edges import RunningEdge


async def test_a_page_its_manifest_worker_and_offline_page_belong_together(
    edge: RunningEdge,
) -> None:
    page = (await edge.get("/r/demo?lang=ar")).body.decode()
    assert '<link rel="manifest" href="/r/demo.webmanifest?lang=ar">' in page
    manifest = await edge.get("/r/demo.webmanifest?lang=ar")
    assert (manifest.status, manifest.json["name"]) == (200, "Town hall")  # type: ignore[index]
    assert (await edge.get("/r/worker.js")).headers["content-type"].startswith("text/javascript")
    assert b'dir="rtl"' in (await edge.get("/r/offline.html?lang=ar")).body
    refused = await edge.get("/r/nobody.webmanifest")
    assert (refused.status, refused.json["code"]) == (404, "room_unknown")  # type: ignore[index]
    assert b"There is no room at this address" in (await edge.get("/r/other.js?lang=en")).body
