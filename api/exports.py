"""A register of a chart as a file: CSV for spreadsheets, JSON for programs, PDF to be printed."""

import asyncio
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from fastapi import Response

import pdf

Cell: TypeAlias = str | int | Mapping[str, str | int | None] | None


class Form(StrEnum):
    CSV = "csv"
    JSON = "json"
    PDF = "pdf"


MEDIA_TYPE = {
    Form.CSV: "text/csv; charset=utf-8",
    Form.JSON: "application/json",
    Form.PDF: "application/pdf",
}


@dataclass(frozen=True)
class Register:
    """Lines of the same columns; the first two name a line."""

    title: str
    about: str = field(repr=False)
    file_name: str
    """Without its suffix; carries no personal data (SPEC D6)."""
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]] = field(repr=False)


async def answer(register: Register, form: Form) -> Response:
    """As a download."""
    make = {Form.CSV: _csv, Form.JSON: _json, Form.PDF: _pdf}[form]
    return Response(
        await asyncio.to_thread(make, register),
        media_type=MEDIA_TYPE[form],
        headers={"content-disposition": f'attachment; filename="{register.file_name}.{form}"'},
    )


def _csv(register: Register) -> bytes:
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)  # RFC 4180
    writer.writerow(register.columns)
    for row in register.rows:
        writer.writerow([defused(_text(cell)) for cell in row])
    # spreadsheets take a file without the mark for one of the last century's
    return written.getvalue().encode("utf-8-sig")


def defused(text: str) -> str:
    """With an apostrophe before what a spreadsheet would calculate (OWASP: CSV Injection); a name may begin so."""
    return f"'{text}" if text.startswith(_CALCULATES) or text.lstrip().startswith(_CALCULATES) else text


_CALCULATES = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""The wide ones too: some programs fold them."""


def _json(register: Register) -> bytes:
    entries = [dict(zip(register.columns, row, strict=True)) for row in register.rows]
    return json.dumps({"about": register.about, "entries": entries}, ensure_ascii=False, indent=1).encode()


def _pdf(register: Register) -> bytes:
    return pdf.listing(register.title, register.about, [_printed(register.columns, row) for row in register.rows])


def _printed(columns: Sequence[str], row: Sequence[Cell]) -> tuple[str, ...]:
    cells = [(column, _text(cell)) for column, cell in zip(columns, row, strict=True)]
    first = " · ".join(text for _, text in cells[:2])
    return (first, *(f"{column}: {text}" for column, text in cells[2:] if text))


def _text(cell: Cell) -> str:
    if isinstance(cell, Mapping):
        known = {key: value for key, value in cell.items() if value is not None}
        return json.dumps(known, ensure_ascii=False) if known else ""
    return "" if cell is None else str(cell)
