"""Jinja2 for the pages: one environment, strict about what is undefined, and the few filters that templates need."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import segno
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from markupsafe import Markup

from api import languages
from api.access import read_at
from api.languages import Language
from api.pages.static import bundle_url, static_url

WIDTHS = (800, 1600, 2400)
"""Pixels across a page image: for phones, for large or dense screens, and made larger there."""


def nearest_width(asked: int) -> int:
    """The width that is drawn for it: who asks for others must not cost us memory."""
    return min(WIDTHS, key=lambda width: abs(width - asked))


def iso_day(value: str, language: Language) -> str:
    """A day that is kept as `2026-11-03`, as pages write it."""
    return languages.day(date.fromisoformat(value), language)


def _moment(language: Language) -> Callable[[Context, datetime], Markup]:
    @pass_context
    def moment(context: Context, value: datetime) -> Markup:
        """A time in the practice's zone; the script of the page turns it into the reader's own time."""
        there = value.astimezone(_zone(context))
        zone = Markup("<span data-zone> {}</span>").format(languages.zone_name(there, language))
        return _time(there, "moment", languages.moment(there, language, named=False) + zone)

    return moment


def _local_day(language: Language) -> Callable[[Context, datetime], Markup]:
    @pass_context
    def local_day(context: Context, value: datetime) -> Markup:
        """The day of a time, in the practice's zone; the script of the page turns it into the reader's own day."""
        there = value.astimezone(_zone(context))
        return _time(there, "day", languages.day(there, language))

    return local_day


def _zone(context: Context) -> ZoneInfo:
    zone: ZoneInfo = context["zone"]
    return zone


def _time(there: datetime, what: str, written: str) -> Markup:
    """With the practice's own clock, by which the script sees whether the reader's goes otherwise."""
    at = there.isoformat(timespec="seconds")
    return Markup('<time datetime="{}" data-local="{}">{}</time>').format(at, what, written)


def clock(value: datetime, zone: ZoneInfo, language: Language, *, named: bool = False) -> Markup:
    """A time of day by the practice's own clock, wherever it is read; `named` tells the two that come twice apart."""
    there = value.astimezone(zone)
    written = languages.clock(there, language, named=named)
    return Markup('<time datetime="{}">{}</time>').format(there.isoformat(timespec="minutes"), written)


def srcset(address: str, version: str) -> str:
    """The page image at `address` at every width; `version` changes the address when the bytes change."""
    return ", ".join(f"{address}?width={width}&v={version[:8]} {width}w" for width in WIDTHS)


def qr_code(text: str) -> Markup:
    """A picture for a phone's camera: dark on light whatever the page's colours are, with its quiet zone."""
    picture: str = segno.make(text, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True)
    return Markup(picture)  # noqa: S704 - made of squares


def base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode()


def _environment(language: Language) -> Environment:
    """For each language one, since templates know it from their filters and from `_`."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(languages.CATALOGUE[language], newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(
        base64url=base64url,
        bundle_url=bundle_url,
        day=partial(languages.day, language=language),
        iso_day=partial(iso_day, language=language),
        moment=_moment(language),
        local_day=_local_day(language),
        said=partial(languages.said, language=language),
        srcset=srcset,
        weekday=partial(languages.weekday, language=language),
        clock=partial(clock, language=language),
    )
    made.globals.update(
        static_url=static_url,
        language_tag=languages.tag(language),
        all_languages=[(code, languages.tag(code), name) for code, name in languages.NAMES.items()],
        texts=languages.OF_SCRIPTS[language],
    )
    return made


_ENVIRONMENT = {language: _environment(language) for language in languages.NAMES}


@dataclass(frozen=True)
class Notification:
    """What the page says at its top after something was done, or could not be."""

    text: str = field(repr=False)
    good: bool = True
    remedy: tuple[str, str] | None = field(default=None, repr=False)
    """Address and label of the link that leads to the way out."""


def page(request: Request, name: str, status: int = HTTPStatus.OK, **context: object) -> HTMLResponse:
    """The template `name`, with what it shows, in the language of whoever reads it."""
    language = languages.of(request)
    context = {
        "notification": None,
        "path": request.url.path,
        "zone": ZoneInfo("UTC"),
        "first_page": asked_page(request),
        "answers_form": read_at(request) if request.method == "POST" else None,
        "other_languages": _others(request, language),
        **context,
    }
    response = HTMLResponse(_ENVIRONMENT[language].get_template(name).render(context), status)
    response.headers["content-language"] = languages.tag(language)
    response.headers["vary"] = "Accept-Language, Cookie"
    if languages.chosen(request) or languages.is_news(request):
        # the next pages of the way in are in it too, and on this device the next visit
        response.set_cookie(
            languages.COOKIE, language, max_age=KEPT, path="/", secure=True, httponly=True, samesite="lax"
        )
    return response


def asked_page(request: Request) -> int:
    """Of what is too long for one page, where to begin; what is no number is as if it was not asked for."""
    asked = request.query_params.get("page", "")
    return max(int(asked), 1) if asked.isdecimal() and len(asked) < 6 else 1


KEPT = 400 * 24 * 3600
"""Seconds for which a choice of language is kept: as long as browsers keep any cookie."""


def _others(request: Request, language: Language) -> list[tuple[str, str, str]]:
    """Tag, name and address of the same page in the other languages, for whoever is not signed in."""
    if getattr(request.state, "language", None):
        return []
    query = dict(request.query_params)
    return [
        (languages.tag(other), name, f"?{urlencode({**query, languages.CHOICE: other})}")
        for other, name in languages.NAMES.items()
        if other != language
    ]


def see_other(address: str) -> RedirectResponse:
    """Read this page next: reloading it posts nothing again."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)
