"""Draws the toy pictures: 8 x 8 grey pictures of one figure, and the three words that describe it."""
import random

SIZE = 8
SIZES, SHAPES, PLACES = ["small", "large"], ["square", "cross", "line", "ring"], ["left", "right"]
WORDS = SIZES + SHAPES + PLACES


def picture(draw, size, shape, place):
    """64 values from 0 (black) to 255, row by row: a bright figure on a dark, noisy ground."""
    side = 3 if size == "small" else 4
    left = draw.randint(0, SIZE // 2 - side) if place == "left" else draw.randint(SIZE // 2, SIZE - side)
    top = draw.randint(0, SIZE - side)
    bright = draw.randint(150, 230)
    values = [draw.randint(0, 50) for _ in range(SIZE * SIZE)]
    last = side - 1
    for y in range(side):
        for x in range(side):
            inside = {
                "square": True,
                "cross": x == y or x == last - y,
                "line": y == last // 2,
                "ring": x in (0, last) or y in (0, last),
            }[shape]
            if inside:
                values[(top + y) * SIZE + left + x] = bright + draw.randint(-20, 20)
    return values


def described(draw):
    """A picture of something, and its three words."""
    words = [draw.choice(SIZES), draw.choice(SHAPES), draw.choice(PLACES)]
    return picture(draw, *words), words


def draws(seed, count):
    draw = random.Random(seed)
    return [described(draw) for _ in range(count)]
