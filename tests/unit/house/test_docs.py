"""The documentation is complete and true where a machine can tell."""

import re

import pytest

from hustings.cli.main import COMMANDS, main, parser_for
from hustings.cli.settings_page import as_markdown, as_toml
from hustings.loading import load
from hustings.wire import kinds
from tests.fakes.tree import ROOT, SOURCE, calls, text_argument, tracked

PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
ERRORS = {
    "HustingsError",
    "UserError",
    "PeerError",
    "Denied",
    "NotFound",
    "TryLater",
    "OperatorError",
}


def test_settings_page_and_sample_are_up_to_date():
    """Renew them: hustings settings --docs > docs/settings.md, --toml > deploy/hustings.toml."""
    assert (ROOT / "docs" / "settings.md").read_text() == as_markdown()
    assert (ROOT / "deploy" / "hustings.toml").read_text() == as_toml(load())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_every_command_is_there_documented_and_has_help_with_an_example(command, capsys):
    parser_for(command)
    assert main([command.name, "--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "example:" in out
    assert " ".join(command.example.split()) in out
    assert f"`hustings {command.name}" in (ROOT / "docs" / "operations.md").read_text()


def raised_codes():
    codes = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for call in calls(path):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if name in ERRORS and (code := text_argument(call)) is not None:
                codes.setdefault(code, path.name)
            if name == "_refusal" and (code := text_argument(call, 1)) is not None:
                codes.setdefault(code, path.name)
    return codes


def documented_codes():
    table = PROTOCOL.partition("## 6. Errors")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [code for row in rows for code in re.findall(r"`([a-z0-9_]+)`", row)]


def test_every_error_code_is_in_the_table():
    missing = {c: where for c, where in raised_codes().items() if c not in documented_codes()}
    assert missing == {}


def test_the_table_names_only_codes_that_exist():
    """A code may be built elsewhere than in a raise: then it stands as a text in the source."""
    source = "\n".join(p.read_text() for p in SOURCE.rglob("*.py"))
    assert [code for code in documented_codes() if f'"{code}"' not in source] == []


def test_no_code_stands_twice():
    codes = documented_codes()
    assert sorted(codes) == sorted(set(codes))


def test_each_section_has_a_number_of_its_own_in_order():
    numbers = re.findall(r"^### (\d+)\.(\d+) ", PROTOCOL, re.MULTILINE)
    found = [(int(chapter), int(section)) for chapter, section in numbers]
    assert found == sorted(set(found))


def test_every_kind_is_documented():
    table = PROTOCOL.partition("### 2.2")[2].partition("### 2.3")[0]
    known = {v for k, v in vars(kinds).items() if k.isupper() and isinstance(v, str)}
    assert known
    assert [kind for kind in known if f"`{kind}`" not in table] == []


def routes():
    """(service, path) of each decorator like @app.get("/x") and each edge route."""
    for path in sorted(SOURCE.rglob("*.py")):
        service = path.relative_to(SOURCE).parts[0]
        for call in calls(path):
            verb = getattr(call.func, "attr", "")
            if verb not in {"get", "put", "post", "delete", "patch", "websocket", "api_route"}:
                continue
            text = text_argument(call)
            if (
                text is not None
                and re.fullmatch(r"/[\w{}/.:-]*", text)
                and service in ("stage", "web")
            ):
                yield service, re.sub(r"\{(\w+)(:\w+)?\}", r"{\1}", text)


def test_every_route_is_documented():
    """docs/protocol.md writes paths as the code does; the edge tests its own."""
    missing = sorted({(s, r) for s, r in routes() if r != "/" and r not in PROTOCOL})
    assert missing == []


def metrics():
    from hustings.base import exposition
    from hustings.edge import metrics as edge
    from hustings.stage.http import metrics as stage
    from hustings.web.health import views as web

    return [exposition.BUILD, *edge.METRICS, *stage.METRICS, *web.METRICS]


def test_every_metric_is_in_the_table_as_the_code_declares_it():
    table = (ROOT / "docs" / "operations.md").read_text().partition("### Metrics")[2]
    rows = [line for line in table.splitlines() if line.startswith("| `hustings_")]
    declared = [
        f"| `{m.name}` | {m.kind} | {', '.join(f'`{each}`' for each in m.labels)} | {m.help} |"
        for m in metrics()
    ]
    assert sorted(rows) == sorted(declared)


def test_metrics_are_named_by_convention():
    """prometheus.io/docs/practices/naming: base units, `_total` for counters and only for them."""
    for metric in metrics():
        assert re.fullmatch(r"hustings_[a-z0-9_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert not re.search(r"_(ms|kb|mb|kib|mib|percent|minutes|hours)(_|$)", metric.name)
        assert metric.help[-1] == "."


LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("path", tracked("*.md"), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_resolves(path):
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{path.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings]
            assert anchor in slugs, f"{path.name} links to {target}"


def test_the_changelog_has_a_place_for_what_comes():
    assert "\n## Unreleased\n" in (ROOT / "CHANGELOG.md").read_text()


def test_every_dependency_has_its_reason():
    text = (ROOT / "docs" / "dependencies.md").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    names = re.findall(r'^  "([a-z0-9-]+)(?:\[\w+\])?[>=<]', project, re.MULTILINE)
    assert len(names) > 20
    assert [n for n in names if f"| `{n}` |" not in text] == []
