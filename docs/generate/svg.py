"""What the drawn pictures share: their paper, their ink, their letters."""

from __future__ import annotations

from html import escape

INK, QUIET = "#1f2430", "#5b6472"
_PAPER = "#fbfbf8"  # of its own, so that a picture is read on a dark page as on a light one
_FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


def opened(width: int, height: int, title: str) -> list[str]:
    """The beginning of a picture of that size: its title and its paper."""
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="{_FONT}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(title)}</title>',
        f'<rect width="{width}" height="{height}" rx="14" fill="{_PAPER}"/>',
    ]


def text(  # noqa: PLR0913 - what is said of words in a picture
    x: int,
    y: int,
    words: str,
    size: int,
    *,
    weight: int = 400,
    anchor: str = "middle",
    colour: str = INK,
) -> str:
    """Words at a place; ``y`` is the line that they stand on."""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )
