"""Jinja2 for the pages: one environment, strict about what is undefined, and the few filters that templates need."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http import HTTPStatus
from pathlib import Path
from zoneinfo import ZoneInfo

import segno
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from api.pages.static import static_url

WIDTHS = (800, 1600)
"""Pixels across a page image: for phones, and for large or dense screens."""


def nearest_width(asked: int) -> int:
    """The width that is drawn for it: who asks for others must not cost us memory."""
    return min(WIDTHS, key=lambda width: abs(width - asked))


def day(value: date) -> str:
    """`Nov 3, 2026`."""
    return f"{value:%b} {value.day}, {value.year}"


def iso_day(value: str) -> str:
    """The same of a day that is kept as `2026-11-03`."""
    return day(date.fromisoformat(value))


def moment(value: datetime) -> Markup:
    """A time in UTC; the script of the page turns it into the reader's own time."""
    utc = value.astimezone(UTC)
    return Markup('<time datetime="{}" data-local>{}, {:%H:%M} UTC</time>').format(
        f"{utc:%Y-%m-%dT%H:%M:%SZ}", day(utc), utc
    )


def local_day(value: datetime) -> Markup:
    """The day of a time, in UTC; the script of the page turns it into the reader's own day."""
    utc = value.astimezone(UTC)
    return Markup('<time datetime="{}" data-local="day">{}</time>').format(f"{utc:%Y-%m-%dT%H:%M:%SZ}", day(utc))


def weekday(value: date) -> str:
    """`Wednesday, Nov 25`."""
    return f"{value:%A}, {value:%b} {value.day}"


def clock(value: datetime, zone: ZoneInfo, *, named: bool = False) -> Markup:
    """A time of day by the practice's own clock, wherever it is read; `named` tells the two that come twice apart."""
    there = value.astimezone(zone)
    said = f"{there.hour % 12 or 12}:{there:%M %p}{f' {there:%Z}' if named else ''}"
    return Markup('<time datetime="{}">{}</time>').format(f"{there.isoformat(timespec='minutes')}", said)


def srcset(address: str, version: str) -> str:
    """The page image at `address` at every width; `version` changes the address when the bytes change."""
    return ", ".join(f"{address}?width={width}&v={version[:8]} {width}w" for width in WIDTHS)


def qr_code(text: str) -> Markup:
    """A picture for a phone's camera: dark on light whatever the page's colours are, with its quiet zone."""
    picture: str = segno.make(text, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True)
    return Markup(picture)  # noqa: S704 - made of squares


def base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode()


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(
    base64url=base64url,
    day=day,
    iso_day=iso_day,
    moment=moment,
    local_day=local_day,
    srcset=srcset,
    weekday=weekday,
    clock=clock,
)
_environment.globals.update(static_url=static_url)


@dataclass(frozen=True)
class Notification:
    """What the page says at its top after something was done, or could not be."""

    text: str = field(repr=False)
    good: bool = True
    remedy: tuple[str, str] | None = field(default=None, repr=False)
    """Address and label of the link that leads to the way out."""


def page(request: Request, name: str, status: int = HTTPStatus.OK, **context: object) -> HTMLResponse:
    """The template `name`, with what it shows."""
    context = {"notification": None, "path": request.url.path, **context}
    return HTMLResponse(_environment.get_template(name).render(context), status)


def render_problem(request: Request, status: int, title: str, detail: str) -> HTMLResponse:
    """An error as a page of the surface on which it happened."""
    portal = request.url.path.startswith("/portal")
    return page(request, "problem.html", status, title=title, detail=detail, home="/portal" if portal else "/charts")


def see_other(address: str) -> RedirectResponse:
    """Read this page next: reloading it posts nothing again."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)
