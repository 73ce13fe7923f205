"""`/rules`: what holds in this house, for everybody to read and for owners to write."""

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import TryLater, UserError
from hustings.pages import problems
from hustings.pages.locales import LANGUAGES, own_name
from hustings.web.rules.model import texts_from_form
from hustings.web.visit import Visit, Visitor
from hustings.wire.rules import TEXT_CHARS

router = APIRouter(prefix="/rules", include_in_schema=False)


@router.get("")
async def rules(visit: Visitor) -> Response:
    """The text in the reader's language; for owners also the form."""
    return await _page(visit, await visit.services.rules.texts())


@router.post("")
async def write(visit: Visitor) -> Response:
    """What owners wrote; a mistake shows the form again, filled."""
    await visit.needs("people")  # owners
    fields = await visit.form()
    typed = {each: fields.get(f"rules-{each}", "") for each in LANGUAGES}
    try:
        await visit.services.rules.write(texts_from_form(fields))
    except (UserError, TryLater) as error:
        status = 422 if isinstance(error, UserError) else error.status
        page = await _page(visit, typed, status, error)
        return problems.with_patience(page, error)
    visit.services.outbox.wake()
    return visit.go("/rules", said="changed")


async def _page(
    visit: Visit,
    texts: dict[str, str],
    status: int = 200,
    error: UserError | TryLater | None = None,
) -> Response:
    return visit.page(
        "web_rules.html",
        status,
        texts=texts,
        shown=visit.language if texts.get(visit.language) else next(iter(texts), ""),
        written=[(each, own_name(each)) for each in LANGUAGES],
        may_write=await visit.may("people"),
        most=TEXT_CHARS,
        error=error.code if error else "",
        wrong=str(error.facts.get("field", "")) if error else "",
        said=visit.request.query_params.get("said", ""),
    )
