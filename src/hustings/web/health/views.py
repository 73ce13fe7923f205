"""`/healthz`, `/readyz`, `/metrics`. A stage that is away does not make web unready."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from hustings.base import exposition
from hustings.base.exposition import Metric, Values
from hustings.web.services import Services

router = APIRouter(include_in_schema=False)
METRICS: Final = (
    Metric("hustings_web_requests_total", "counter", "Answers, by status class.", ("status",)),
    Metric("hustings_web_stage_reachable", "gauge", "1 if the stage answered the last time."),
    Metric("hustings_web_outbox_pending", "gauge", "Messages that the stage has not heard yet."),
    Metric(
        "hustings_web_letters",
        "gauge",
        "Mail, pushes and hooks that are kept, by state; counted each minute.",
        ("transport", "state"),
    ),
)


@router.get("/healthz")
async def healthz() -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """The database answers; otherwise the problem document with 503."""
    services: Services = request.app.state.services
    await services.database.check()
    return PlainTextResponse("ok\n")


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus text."""
    services: Services = request.app.state.services
    values: dict[str, float | Values] = {
        "hustings_web_requests_total": {
            (status,): count for status, count in services.counts.items()
        },
        "hustings_web_stage_reachable": int(services.outbox.reachable),
        "hustings_web_outbox_pending": services.outbox.pending,
        "hustings_web_letters": dict(services.post.counts.items()),
    }
    return Response(exposition.text("web", METRICS, values), media_type=exposition.CONTENT_TYPE)
