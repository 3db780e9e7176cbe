"""Every page there is, from the routes themselves: a new one is looked at by all tests of pages, or they fail."""

import re

from fastapi.routing import APIRoute

from api import codec, pages
from tests.pages.records import (
    CLIENT,
    MESSAGE,
    NOTE_OF_UNREGISTERED,
    PENDING,
    PLAN,
    SIGNED,
    STUCK,
    SUPERBILL,
    UNREGISTERED,
    number,
)

CHART = f"/charts/{CLIENT}"
DOCUMENTS = f"{CHART}/documents"
REVIEW = f"/portal/documents/{PENDING.id}"
SIGNING = f"{DOCUMENTS}/{PENDING.id}/sign"

FILLED = {
    "appointment_id": number("appointment"),
    "client_id": CLIENT,
    "document_id": PENDING.id,
    "message_id": MESSAGE,
    "request_id": PENDING.request_id,
    "bulk_id": number("bulk"),
    "staff_id": number("active"),
}
"""What stands for each part of an address."""

INSTEAD = {"/charts/{client_id}/documents/{document_id}/share-to-sign": {"document_id": PLAN.id}}
"""Where that would lead on to another page."""

ELSEWHERE = re.compile(
    r"""/static/ | /live$ | \.\{form\}$ | \.webp$ | \.txt$ | /file$ | /signed(/|$) | /versions/ | /account/session$
        | ^/$ | ^/portal$ | /sign-in/sso | /declined$""",
    re.VERBOSE,
)
"""GET routes that show no page of their own: files, JSON and those that lead on."""

STATES = (
    f"/charts/{UNREGISTERED}",
    f"/charts/{UNREGISTERED}/documents",
    f"/charts/{UNREGISTERED}/documents/{NOTE_OF_UNREGISTERED.id}/share-to-sign",
    *(f"{DOCUMENTS}/{one.id}" for one in (SIGNED, PLAN, STUCK)),
    f"{CHART}/requests/{STUCK.request_id}",
    "/calendar?view=week&day=2026-11-01&of=everybody",
    *(f"/staff/{number(name)}" for name in ("staff", "invited", "enrols anew", "ended")),
    f"/portal/documents/{SIGNED.id}",
    f"/portal/documents/{SUPERBILL.id}",
)
"""Pages that look another way when they show something else."""


def page_routes() -> list[APIRoute]:
    """Those that show a page."""
    routers = (*pages.PARTS, codec.router)
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    return [one for one in routes if "GET" in (one.methods or ()) and not ELSEWHERE.search(one.path_format)]


def address_of(route: APIRoute) -> str:
    """An example of it; a part that nothing here fills is an error."""
    filled = FILLED | INSTEAD.get(route.path_format, {})
    return re.sub(r"\{(\w+)\}", lambda part: str(filled[part[1]]), route.path_format)


EVERY_PAGE = [*(address_of(route) for route in page_routes()), *STATES]
