"""What can stand for a signature (SPEC G2, G3)."""

import contextlib
import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pdf import Drawing, Mark, MeaninglessMark, Point, TypedName, check_mark
from pdf.signature import MOST_POINTS, MOST_STROKES
from tests.pdf.paper import drawing


def drawn(*places: tuple[float, float]) -> Drawing:
    """One stroke through these places."""
    return Drawing(400, 150, (tuple(Point(x, y, 10.0 * i, 0.5) for i, (x, y) in enumerate(places)),))


@pytest.mark.parametrize(
    "mark", [drawing(), drawn((10, 100), (30, 40), (60, 100)), TypedName("Bo"), TypedName("李小龙"), TypedName("محمد")]
)
def test_a_drawn_or_typed_name_is_a_signature(mark: Mark) -> None:
    check_mark(mark)


@pytest.mark.parametrize(
    "nothing",
    [
        Drawing(400, 150, ()),
        Drawing(400, 150, ((), ())),
        drawn((20, 20)),
        drawn((20, 20), (20, 20), (20, 20)),
        drawn((20, 20), (24, 23), (20, 20), (24, 23), (20, 20), (24, 23), (20, 20), (24, 23)),
        drawn((20, 20), (33, 20)),
    ],
    ids=["empty", "empty strokes", "a dot", "one place", "a scribble of a few pixels", "a short line"],
)
def test_a_drawing_that_nobody_would_take_for_a_signature_is_refused(nothing: Drawing) -> None:
    with pytest.raises(MeaninglessMark) as refused:
        check_mark(nothing)
    assert refused.value.reason.endswith(".")


def test_strokes_and_points_are_bounded() -> None:
    stroke = drawing().strokes[0]
    for strokes in ((stroke[:10],) * (MOST_STROKES + 1), (stroke * (MOST_POINTS // len(stroke) + 1),)):
        with pytest.raises(MeaninglessMark, match="too long"):
            check_mark(Drawing(500, 160, strokes))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, 1e9])
@pytest.mark.parametrize("field", ["x", "y", "t", "pressure"])
def test_numbers_that_no_pad_sends_are_refused(field: str, wrong: float) -> None:
    whole = drawing()
    damaged = (dataclasses.replace(whole.strokes[0][0], **{field: wrong}), *whole.strokes[0][1:])
    with pytest.raises(MeaninglessMark, match="damaged"):
        check_mark(dataclasses.replace(whole, strokes=(damaged,)))


@pytest.mark.parametrize("width", [0.0, -1.0, math.nan, math.inf])
def test_a_pad_without_a_size_is_refused(width: float) -> None:
    with pytest.raises(MeaninglessMark, match="damaged"):
        check_mark(dataclasses.replace(drawing(), width=width))


@pytest.mark.parametrize(
    "name", ["", "   ", "\u00a0", "---", "\u200b", "Ann\x00a", "Ann\nBo", "Ann\u2028Bo", "\ud800x", "A" * 101]
)
def test_a_blank_overlong_or_unprintable_name_is_refused(name: str) -> None:
    with pytest.raises(MeaninglessMark):
        check_mark(TypedName(name))


numbers = st.floats(allow_nan=True, allow_infinity=True)
points = st.builds(Point, numbers, numbers, numbers, numbers)
drawings = st.builds(Drawing, numbers, numbers, st.lists(st.lists(points).map(tuple)).map(tuple))


@given(drawings | st.builds(TypedName, st.text()))
def test_any_mark_is_either_accepted_or_refused_as_meaningless(mark: Mark) -> None:
    with contextlib.suppress(MeaninglessMark):
        check_mark(mark)


@given(st.floats(-200, 200), st.floats(-200, 200))
def test_where_on_the_pad_it_was_drawn_does_not_matter(x: float, y: float) -> None:
    moved = tuple(
        tuple(dataclasses.replace(point, x=point.x + x, y=point.y + y) for point in stroke)
        for stroke in drawing().strokes
    )
    check_mark(dataclasses.replace(drawing(), strokes=moved))


def test_marks_travel_as_json_without_further_help() -> None:
    marks = TypeAdapter[Drawing | TypedName](Drawing | TypedName)
    for mark in (drawing(), TypedName("Zoë")):
        assert marks.validate_json(marks.dump_json(mark)) == mark
