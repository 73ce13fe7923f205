"""Which processes run, on which ports, and who holds which secret."""

import os

from hustings.loading import load
from hustings.serve.plan import children, edge_count, lane_port
from hustings.wire.links import near_url


def settings(**flags):
    return load(flags={k.replace("__", "."): ("test", v) for k, v in flags.items()}).settings


def test_one_stage_edges_that_share_a_port_and_one_web():
    given = settings(edge__count=3, edge__port=9000, edge__lane_port=9100)
    plan = children(given, edge_token=iter("abc").__next__)
    assert [(c.name, c.url) for c in plan] == [
        ("stage", "http://localhost:8001"),
        ("edge", "http://localhost:9000"),
        ("edge 2", "http://localhost:9000"),
        ("edge 3", "http://localhost:9000"),
        ("web", "http://localhost:8000"),
    ]
    edges = [load(environ=c.environment).settings.edge for c in plan[1:4]]
    assert all(edge.port == 9000 and edge.share_port for edge in edges)
    assert [edge.lane_port for edge in edges] == [9100, 9101, 9102]
    assert [c.environment["HUSTINGS_EDGE_TOKEN"] for c in plan[1:4]] == ["a", "b", "c"]


def test_as_many_edges_as_cores_but_one_and_lanes_only_where_wanted():
    assert edge_count(settings(edge__count=7)) == 7
    assert 1 <= edge_count(settings()) <= max(1, (os.cpu_count() or 1) - 1)
    assert [lane_port(settings(edge__lane_port=0), number) for number in (0, 1)] == [0, 0]


def test_a_child_has_the_same_settings():
    given = settings(host="::1", stage__rooms=3, web__database="postgresql://u:pw@h/d")
    for child in children(given, edge_token=lambda: "t"):
        got = load(environ=child.environment).settings
        assert (got.host, got.stage.rooms, got.data) == ("::1", 3, given.data)


def test_secrets_go_only_where_they_are_needed():
    relays = '["turn:me:relay-secret@relay.example"]'
    given = settings(web__database="postgresql://u:pw@h/d", stage__rtc__ice_servers=relays)
    holds = {
        child.name: [
            s for s in ("pw", "edge-secret", "relay-secret") if s in str(child.environment)
        ]
        for child in children(given, edge_token=lambda: "edge-secret")
    }
    assert holds == {"stage": ["relay-secret"], "edge": ["edge-secret"], "web": ["pw"]}


def test_addresses_as_this_machine_reaches_them():
    assert near_url(settings(host="0.0.0.0"), 1) == "http://127.0.0.1:1"
    assert near_url(settings(host="::", tls__cert="c", tls__key="k"), 2) == "https://[::1]:2"
