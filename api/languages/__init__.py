"""Which language an answer has, and how a sentence, a day and a time are said in it.

English is the language of the code, so it needs no catalogue. `es.po` is what a translator works on; `./sts words`
keeps it up to date. It is compiled when the process starts, so that no compiled file can be older than its source.
"""

import io
import json
import re
from collections.abc import Iterable
from datetime import date, datetime
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Literal, TypeAlias

from babel import dates
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fastapi import Request

from chart.lifecycle import STEP_FAILED
from chart.text import Text, Typed

Language: TypeAlias = Literal["en", "es"]

FOLDER = Path(__file__).parent
NAMES: dict[Language, str] = {"en": "English", "es": "Español"}
LOCALE: dict[Language, str] = {"en": "en_US", "es": "es_US"}
"""The practices are in the United States: times have twelve hours there in both languages."""

CHOICE = "lang"
"""Of the address of a page that is open to everybody, such as `/portal/sign-in?lang=es`."""
COOKIE = "__Host-sts-language"
"""Keeps that choice; nothing else is known of whoever has not signed in."""


def tag(language: Language) -> str:
    """As HTML and HTTP name it (BCP 47)."""
    return LOCALE[language].replace("_", "-")


# -- which one


def of(request: Request) -> Language:
    """The account's of whoever is signed in, else what was chosen at the door, else the browser's, else English."""
    spoken: Language | None = getattr(request.state, "language", None)
    return spoken or chosen(request) or _of_the_device(request)


def _of_the_device(request: Request) -> Language:
    return named(request.cookies.get(COOKIE)) or _accepted(request) or "en"


def is_news(request: Request) -> bool:
    """Whether the account's language is not what this device would get at an address that asks for no account."""
    spoken: Language | None = getattr(request.state, "language", None)
    return spoken not in {None, _of_the_device(request)}


def chosen(request: Request) -> Language | None:
    """What the reader has chosen just now."""
    return named(request.query_params.get(CHOICE))


def is_of(request: Request, language: str) -> None:
    """From now on the answer has the language of an account."""
    request.state.language = named(language)


def named(code: str | None) -> Language | None:
    return next((one for one in NAMES if one == code), None)


def _accepted(request: Request) -> Language | None:
    """What the browser asks for most (RFC 9110 12.5.4); regions do not matter."""
    wanted: list[tuple[float, Language]] = []
    for part in request.headers.get("accept-language", "")[:200].split(","):
        code, _, weight = part.strip().partition(";q=")
        language = named(code.strip().lower().partition("-")[0])
        try:
            rank = float(weight or 1)
        except ValueError:
            continue
        if language and rank > 0:
            wanted.append((rank, language))
    return max(wanted, key=lambda one: one[0])[1] if wanted else None


# -- what is said


def _read(language: Language) -> tuple[NullTranslations, dict[str, str]]:
    """The catalogue, and the part of it that scripts say."""
    source = FOLDER / f"{language}.po"
    if not source.exists():
        return NullTranslations(), {}
    with source.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    of_scripts = {
        str(message.id): str(message.string)
        for message in catalogue
        if any(place.endswith(".js") for place, _ in message.locations)
    }
    return GNUTranslations(compiled), of_scripts


_READ = {language: _read(language) for language in NAMES}
CATALOGUE: dict[Language, NullTranslations] = {language: read[0] for language, read in _READ.items()}
OF_SCRIPTS: dict[Language, str] = {language: json.dumps(read[1]) if read[1] else "" for language, read in _READ.items()}
"""JSON; empty where the scripts' own words serve."""


def said(text: str, language: Language) -> str:
    """A sentence of the code in this language; a string that is none of ours, such as a name, as it is."""
    if not text:
        return ""
    if isinstance(text, Typed):
        return text
    text = text if isinstance(text, Text) else _as_it_was(text)
    catalogue = CATALOGUE[language]
    message = catalogue.pgettext(text.context, text.message) if text.context else catalogue.gettext(text.message)
    if not text.named:
        return message  # its braces are no fields
    return message.format(**{name: _filled_in(value, language) for name, value in text.named.items()})


KEPT = (STEP_FAILED,)
"""Sentences that a database keeps with what was filled in."""


def _as_it_was(kept: str) -> Text:
    """A sentence that is ours, or was one before it was kept."""
    for sentence in KEPT:
        before, name, after = re.split(r"\{(\w+)\}", sentence)
        if kept.startswith(before) and kept.endswith(after):
            return Text(sentence, **{name: kept.removeprefix(before).removesuffix(after)})
    return Text(kept)


def _filled_in(value: object, language: Language) -> str:
    match value:
        case str():
            return said(value, language)
        case datetime():
            return moment(value, language)
        case date():
            return day(value, language)
    return str(value)


def listed(names: Iterable[str]) -> Text | str:
    """`Ana, Ben and Cho`, in each language."""
    *before, last = names
    return Text("{these} and {last}", these=", ".join(before), last=last) if before else last


# -- days and times


def day(value: date, language: Language) -> str:
    """`Nov 3, 2026`, `3 nov 2026`."""
    return dates.format_date(value, "medium", LOCALE[language])


WEEKDAY: dict[Language, tuple[str, str]] = {"en": ("EEE, MMM d", ", y"), "es": ("EEE d MMM", " y")}
"""Without the year, and what it adds; CLDR's own for Spanish has *de* here and there: `mié, 25 de nov`."""


def weekday(value: date, language: Language, *, year: bool = False) -> str:
    """`Wed, Nov 25`, `mié 25 nov`."""
    pattern, and_year = WEEKDAY[language]
    return dates.format_date(value, pattern + and_year if year else pattern, LOCALE[language])


def clock(there: datetime, language: Language, *, named: bool) -> str:
    """`9:20 AM`; with the name of its zone, if it is to be told from another one that day."""
    time = dates.format_time(there, "short", there.tzinfo, LOCALE[language])
    return f"{time} {zone_name(there, language)}" if named else time


def zone_name(there: datetime, language: Language) -> str:
    """`CST`: of the zone that `there` is in, at that time of the year."""
    return dates.get_timezone_name(there, "short", locale=LOCALE[language])


def moment(there: datetime, language: Language, *, named: bool = True) -> str:
    """`Nov 23, 2026, 9:20 AM CST`, in the zone that `there` is in."""
    return f"{day(there, language)}, {clock(there, language, named=named)}"
