"""Web has one way out to the world: `web.outbound.door`. Its own stage (`web.outbox`) and mail
(`web.post`) are the operator's, not what people type; HTTP clients are a contract of pyproject.toml."""

import ast

from tests.fakes.tree import SOURCE

OWN = ("outbound", "outbox", "post")
MODULES = {
    "urllib.request",
    "http.client",
    "ftplib",
    "smtplib",
    "aiosmtplib",
    "telnetlib",
    "xmlrpc",
}
CALLS = {
    "open_connection",
    "create_connection",
    "getaddrinfo",
    "urlopen",
    "sock_connect",
    "connect",
}


def ways_out(source):
    """Names in this source by which a program connects to others."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            yield from {node.module} & MODULES
        elif isinstance(node, ast.Attribute) and node.attr in CALLS:
            yield node.attr


def test_no_other_module_of_web_opens_a_connection():
    found = {
        str(path.relative_to(SOURCE)): names
        for path in sorted((SOURCE / "web").rglob("*.py"))
        if path.relative_to(SOURCE).parts[1] not in OWN
        and (names := sorted(ways_out(path.read_text())))
    }
    assert found == {}


def test_the_search_finds_what_it_looks_for():
    assert sorted(ways_out((SOURCE / "web" / "outbound" / "names.py").read_text())) == [
        "getaddrinfo"
    ]
    assert list(ways_out("import smtplib\nasyncio.open_connection()")) == [
        "smtplib",
        "open_connection",
    ]
