"""Line plots as SVG without any library: the same look for the bench and the soak."""
import math
from html import escape

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 34, 46
COLOURS = ["#1f6feb", "#d1570c", "#1a7f37", "#8250df", "#bf3989", "#6e7781"]


def ticks(low, high, count=5):
    """Round numbers that cover low..high."""
    if high <= low:
        high = low + 1
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if rough <= power * factor)
    first = math.floor(low / step)
    return [step * number for number in range(first, math.ceil(high / step) + 1)]


def text_of(value):
    return f"{value:.10g}"


class Axes:
    def __init__(self, xs, ys, from_zero):
        self.x_ticks = ticks(min(xs), max(xs))
        self.y_ticks = ticks(0 if from_zero else min(ys), max(ys))

    def x(self, value):
        low, high = self.x_ticks[0], self.x_ticks[-1]
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        low, high = self.y_ticks[0], self.y_ticks[-1]
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def grid(axes):
    for value in axes.y_ticks:
        y = axes.y(value)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text_of(value)}</text>'
    for value in axes.x_ticks:
        x = axes.x(value)
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{text_of(value)}</text>'


def legend(names):
    x = LEFT
    for number, name in enumerate(names):
        colour = COLOURS[number % len(COLOURS)]
        yield f'<rect x="{x}" y="{HEIGHT - 14}" width="10" height="10" fill="{colour}"/>'
        yield f'<text x="{x + 14}" y="{HEIGHT - 5}">{escape(name)}</text>'
        x += 30 + 7 * len(name)


def lines(title, x_label, series, marks=(), *, from_zero=True, dots=True):
    """`series`: {name: [(x, y), …]}; `marks`: [(x, text)] as vertical lines. The SVG as text."""
    points = [point for line in series.values() for point in line]
    xs, ys = ([point[axis] for point in points] or [0] for axis in (0, 1))
    axes = Axes(xs, ys, from_zero)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
           f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>',
           f'<text x="{LEFT}" y="18" font-size="14" font-weight="bold">{escape(title)}</text>',
           *grid(axes),
           f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 5}" text-anchor="end">{escape(x_label)}</text>']
    for x, text in marks:
        at = axes.x(x)
        out.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#999" '
                   f'stroke-dasharray="4 3"/><text x="{at + 4:.1f}" y="{TOP + 10}">{escape(text)}</text>')
    for number, line in enumerate(series.values()):
        colour = COLOURS[number % len(COLOURS)]
        at = " ".join(f"{axes.x(x):.1f},{axes.y(y):.1f}" for x, y in sorted(line))
        out.append(f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        if dots:
            out += [f'<circle cx="{axes.x(x):.1f}" cy="{axes.y(y):.1f}" r="3" fill="{colour}"/>'
                    for x, y in line]
    return "\n".join([*out, *legend(series), "</svg>"]) + "\n"


def stack(*plots):
    """Several plots beneath one another in one file."""
    height = HEIGHT * len(plots)
    inner = "".join(plot.replace("<svg ", f'<svg y="{HEIGHT * number}" height="{HEIGHT}" ', 1)
                    for number, plot in enumerate(plots))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}">\n{inner}</svg>\n')
