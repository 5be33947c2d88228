"""Draws the toy camera: two figures on 12 x 12 grey frames, ten frames a second, calm or fighting.

Calm, each walks its way, stops, turns; they may meet and pass. In a fight they run at each other and
then strike: jerky moves, arms that flash out for single frames. Nothing tells a single frame of two
figures that stand close from one of a fight, but what came before it.
"""
import math
import random

SIZE = 12
LABELS = ["calm", "fight"]


class Figure:
    def __init__(self, draw):
        self.draw = draw
        self.x, self.y = draw.uniform(1.5, 10.5), draw.uniform(2.5, 9.5)
        self.turn()

    def turn(self):
        angle, speed = self.draw.uniform(0, 2 * math.pi), self.draw.choice([0, 0.15, 0.3])
        self.dx, self.dy = speed * math.cos(angle), 0.5 * speed * math.sin(angle)

    def move(self, dx, dy):
        self.x = min(10.5, max(1.5, self.x + dx))
        self.y = min(9.5, max(2.5, self.y + dy))

    def walk(self):
        if self.draw.random() < 0.08 or not 2 < self.x < 10 or not 3 < self.y < 9:
            self.turn()
        self.move(self.dx, self.dy)

    def strike(self, other):
        distance = math.hypot(other.x - self.x, other.y - self.y)
        if distance > 2.5:
            # A run, faster than any walk.
            self.move(0.8 * (other.x - self.x) / distance, 0.8 * (other.y - self.y) / distance)
        else:
            self.move(self.draw.uniform(-0.9, 0.9), self.draw.uniform(-0.7, 0.7))


def frame(draw, figures, ground, noise, arms):
    """144 values from 0 to 255: each figure a bright upright ellipse; `arms` reach towards the other."""
    values = []
    bodies = [(f.x, f.y, 0.9, 1.7, 170) for f in figures]
    for f, other in (figures, figures[::-1]):
        if arms and draw.random() < 0.5:
            side = 1 if other.x > f.x else -1
            bodies.append((f.x + 1.4 * side, f.y - draw.uniform(0, 1), 0.9, 0.4, 200))
    for y in range(SIZE):
        for x in range(SIZE):
            light = sum(b * math.exp(-((x - cx) / rx) ** 2 - ((y - cy) / ry) ** 2) for cx, cy, rx, ry, b in bodies)
            values.append(int(min(255, max(0, ground + light + draw.gauss(0, noise)))))
    return values


def scene(seed, frames):
    """Frames and their labels; fights begin and end at random, half of all scenes have none."""
    draw = random.Random(seed)
    figures = [Figure(draw), Figure(draw)]
    ground, noise = draw.uniform(10, 50), draw.uniform(2, 8)
    start = draw.randint(10, frames - 15) if draw.random() < 0.5 else frames
    end = start + draw.randint(12, 30)
    pictures, labels = [], []
    for t in range(frames):
        fighting = start <= t < end
        for figure, other in (figures, figures[::-1]):
            if fighting:
                figure.strike(other)
            else:
                figure.walk()
        close = math.hypot(figures[0].x - figures[1].x, figures[0].y - figures[1].y) < 3.5
        pictures.append(frame(draw, figures, ground, noise, fighting and close))
        labels.append(int(fighting))
    return pictures, labels
