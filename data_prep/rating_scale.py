"""data.rating_scale: the bounds of ratings that are declared, and ratings outside of them refused by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_prep.errors import UserError

if TYPE_CHECKING:
    from data_prep.parsing import Part


def check_bounds(scale: list[float] | None) -> None:
    """UserError unless null or two rising numbers."""
    if scale is not None and (len(scale) != 2 or not scale[0] < scale[1]):
        raise UserError(f"data.rating_scale={scale}: give the lowest and the highest rating, such as [1,5] or [0.5,5].")


def check_ratings(parts: list[Part], scale: list[float] | None) -> None:
    """UserError with file, line and rating where one is outside; an empty rating is not."""
    if scale is None:
        return
    low, high = scale
    if not any("rating" in part.columns for part in parts):
        raise UserError(f"data.rating_scale={scale}: the data have no ratings. {NAME_IT}")
    for part in parts:
        ratings = part.columns.get("rating")
        if ratings is None:
            continue
        outside = (ratings < low) | (ratings > high)
        if outside.any():
            row = int(outside.argmax())
            raise UserError(
                f"{part.file}, line {part.line_of(row)}: the rating {ratings[row]:g} is outside {low:g} to {high:g} "
                "(data.rating_scale). Mend the line, or declare the scale that the ratings have."
            )


NAME_IT = "Say which column holds them: data.columns={rating: <name>}."
