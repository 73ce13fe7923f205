"""The alert rules and the dashboard as shipped, by a real Prometheus that watches a real house."""

import asyncio
import contextlib
import json
import re

import httpx
import pytest

from tests.fakes.tools import need
from tests.support.deploy import DEPLOY, WHY, checked, running, shipped
from tests.support.house import House, free_ports

PROMETHEUS = DEPLOY / "prometheus"
DASHBOARD = DEPLOY / "grafana" / "hustings.json"
NAME = re.compile(r"\bhustings_[a-z0-9_]+\b")


def panels():
    """(title, expression) of each query of the dashboard."""
    found = [
        (panel["title"], target["expr"])
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel.get("targets", ())
    ]
    assert len(found) > 12
    return found


@pytest.mark.parametrize(
    "words", [("config", "prometheus.yml"), ("rules", "hustings.rules.yml")], ids=" ".join
)
def test_promtool_finds_nothing_to_say(words):
    kind, name = words
    checked(need("promtool", why=WHY), "check", kind, str(PROMETHEUS / name))


def test_the_rules_wake_people_when_they_should_and_not_else():
    checked(need("promtool", why=WHY), "test", "rules", str(PROMETHEUS / "hustings.test.yml"))


def test_every_rule_is_tried():
    rules = re.findall(r"alert: (\w+)", (PROMETHEUS / "hustings.rules.yml").read_text())
    tried = (PROMETHEUS / "hustings.test.yml").read_text()
    assert len(rules) == len(set(rules)) > 8
    assert [rule for rule in rules if f"alertname: {rule}\n" not in tried] == []


def test_the_dashboard_says_what_it_shows_and_of_whom():
    dashboard = json.loads(DASHBOARD.read_text())
    shown = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in shown:
        assert panel["title"]
        for target in (panel, *panel["targets"]):
            assert target["datasource"]["uid"] == "${datasource}"


@contextlib.asynccontextmanager
async def prometheus(folder, house):
    """Prometheus, watching a house; yields a client of its API."""
    program = need("prometheus", why=WHY)
    port = free_ports(1)[0]
    for name in ("prometheus.yml", "hustings.rules.yml"):
        changes = {}
        if name == "prometheus.yml":
            changes = {
                '"127.0.0.1:8001"': f'"127.0.0.1:{house.stage_port}"',
                '"127.0.0.1:8010", "127.0.0.1:8011"': f'"127.0.0.1:{house.lane_port}"',
                '"127.0.0.1:8000"': f'"127.0.0.1:{house.web_port}"',
                "scrape_interval: 5s": "scrape_interval: 500ms",
                "evaluation_interval: 5s": "evaluation_interval: 500ms",
            }
        (folder / name).write_text(shipped(f"prometheus/{name}", changes))
    words = (
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    )
    async with (
        running(words, port=port, log=folder / "prometheus.log"),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client,
    ):
        yield client


async def answer(client, expression):
    """The series of an instant query. An error is a failure."""
    said = await client.get("/api/v1/query", params={"query": expression})
    body = said.json()
    assert body["status"] == "success", (expression, body)
    return body["data"]["result"]


@pytest.mark.slow
async def test_each_panel_and_rule_finds_its_metrics_in_a_real_house(tmp_path):
    need("prometheus", why=WHY)
    house = House(tmp_path / "house", "--demo")
    await asyncio.to_thread(house.start)
    try:
        (tmp_path / "prometheus").mkdir()
        async with (
            prometheus(tmp_path / "prometheus", house) as client,
            httpx.AsyncClient(base_url=house.edge, timeout=20) as visitor,
            visitor.stream("GET", "/live/demo/opus.mp4"),
        ):
            for path in ("/live/nowhere/state.json", "/live/demo/state.json", "/r/demo"):
                await visitor.get(path)
            await visitor.get(house.web)
            await asyncio.gather(*(found(client, *panel) for panel in panels()))
            rules = (await client.get("/api/v1/rules")).json()["data"]["groups"][0]["rules"]
            assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
            named = set(NAME.findall(" ".join(rule["query"] for rule in rules)))
            for name in sorted(named):
                await found(client, "a rule", name)
    finally:
        await asyncio.to_thread(house.stop)


async def found(client, title, expression):
    """Wait until a query has an answer: two scrapes, for a rate."""
    expression = expression.replace("$__rate_interval", "20s")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(60):
            while not await answer(client, expression):
                await asyncio.sleep(0.3)
            return
    raise AssertionError(f"no data for {title}: {expression}")
