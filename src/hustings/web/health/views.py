"""`/healthz`, `/readyz`, `/metrics`. A stage that is away does not make web unready."""

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from hustings.web.services import Services

router = APIRouter(include_in_schema=False)


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
    outbox = services.outbox
    lines = [
        "# HELP hustings_web_requests_total Answers by status class.",
        "# TYPE hustings_web_requests_total counter",
        *(
            f'hustings_web_requests_total{{status="{status}"}} {count}'
            for status, count in sorted(services.counts.items())
        ),
        "# HELP hustings_web_stage_reachable Whether the stage answered the last time.",
        "# TYPE hustings_web_stage_reachable gauge",
        f"hustings_web_stage_reachable {int(outbox.reachable)}",
        "# HELP hustings_web_outbox_pending Messages that the stage has not heard yet.",
        "# TYPE hustings_web_outbox_pending gauge",
        f"hustings_web_outbox_pending {outbox.pending}",
    ]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")
