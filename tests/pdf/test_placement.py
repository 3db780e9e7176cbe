"""The stamp is upright and inside the visible page, whatever the page's geometry (SPEC D2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdf.placement import MARGIN, Geometry, Placement, Rectangle, place

WIDTH, HEIGHT = 220.0, 84.0

corners = st.tuples(*[st.floats(-5000, 5000)] * 4)
geometries = st.builds(
    Geometry,
    media_box=corners,
    crop_box=st.none() | corners,
    rotate=st.sampled_from([0, 90, 180, 270, -90, -270, 450, 720]),
    user_unit=st.floats(0.1, 10),
)


def as_seen(page: Geometry, x: float, y: float) -> tuple[float, float]:
    """A point of user space, in points from the lower left corner of what the reader sees.

    Written from the meaning of /Rotate ("degrees by which the page shall be rotated clockwise when displayed",
    ISO 32000-2 table 31), not from the code under test.
    """
    box = page.visible
    x, y, width, height = x - box.left, y - box.bottom, box.width, box.height
    for _ in range(page.rotate // 90 % 4):
        x, y, width, height = y, width - x, height, width
    return x * page.unit, y * page.unit


def seen_corners(page: Geometry, placed: Placement) -> list[tuple[float, float]]:
    return [as_seen(page, *placed.matrix.apply(x, y)) for x, y in ((0, 0), (WIDTH, 0), (0, HEIGHT))]


@given(geometries)
def test_the_stamp_is_upright_and_not_mirrored(page: Geometry) -> None:
    placed = place(page, WIDTH, HEIGHT)
    origin, right, up = seen_corners(page, placed)
    tolerance = 1e-6 * (1 + page.seen_width + page.seen_height) * (1 + page.unit)
    assert right[0] > origin[0]
    assert abs(right[1] - origin[1]) <= tolerance
    assert up[1] > origin[1]
    assert abs(up[0] - origin[0]) <= tolerance


@given(geometries)
def test_the_stamp_is_inside_the_visible_page(page: Geometry) -> None:
    placed, visible = place(page, WIDTH, HEIGHT), page.visible
    tolerance = 1e-6 * (10_000 + visible.width + visible.height)
    assert placed.rectangle.left >= visible.left - tolerance
    assert placed.rectangle.right <= visible.right + tolerance
    assert placed.rectangle.bottom >= visible.bottom - tolerance
    assert placed.rectangle.top <= visible.top + tolerance


@given(geometries)
def test_the_stamp_keeps_its_proportions_and_is_never_enlarged(page: Geometry) -> None:
    seen = place(page, WIDTH, HEIGHT).seen
    assert seen.width <= WIDTH + 1e-9
    assert seen.width / seen.height == pytest.approx(WIDTH / HEIGHT)


@given(st.sampled_from([0, 90, 180, 270]), st.floats(0.5, 5))
def test_on_a_page_with_room_it_is_at_the_lower_right_in_its_full_size(rotate: int, unit: float) -> None:
    page = Geometry(media_box=(0, 0, 2000, 3000), rotate=rotate, user_unit=unit)
    seen = place(page, WIDTH, HEIGHT).seen
    assert (seen.width, seen.height) == (WIDTH, HEIGHT)
    assert seen.bottom == MARGIN
    assert page.seen_width - seen.right == pytest.approx(MARGIN)


def test_boxes_are_normalised_and_an_empty_crop_box_is_ignored() -> None:
    media = Rectangle(0, 0, 600, 800)
    assert Geometry(media_box=(600, 800, 0, 0)).visible == media
    assert Geometry(media_box=(0, 0, 600, 800), crop_box=(500, 700, 50, 60)).visible == Rectangle(50, 60, 500, 700)
    assert Geometry(media_box=(0, 0, 600, 800), crop_box=(-9, -9, 9999, 9999)).visible == media
    assert Geometry(media_box=(0, 0, 600, 800), crop_box=(900, 900, 999, 999)).visible == media
    assert Geometry(media_box=(0, 0, 0, 0)).visible == Rectangle(0, 0, 612, 792)
