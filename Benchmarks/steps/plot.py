"""The table as a picture: how much of the machine's floor each engine reaches, by streams."""

from table import plain_rows

COLOURS = (
    ("own_us", "ours, bare C", "#0b6e4f"), ("swift_us", "ours, Swift API", "#6bbf59"), ("onednn_us", "oneDNN", "#1f6fb5"),
    ("onnxruntime_us", "ONNX Runtime", "#c06c00"), ("pytorch_us", "PyTorch", "#b5322b"))
WIDTH, HEIGHT, LEFT, TOP, GAP = 200, 130, 106, 70, 26


def svg(rows, caption):
    rows = plain_rows(rows)
    cells = list(dict.fromkeys(row["cell"] for row in rows))
    units = sorted({row["units"] for row in rows})
    streams = sorted({row["streams"] for row in rows})
    width = LEFT + len(units) * (WIDTH + GAP) + 10
    height = TOP + len(cells) * (HEIGHT + GAP) + 22
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>',
           f'<text x="12" y="20" font-size="15">How much of the machine\'s floor one step reaches (1 is the floor; higher is faster)</text>']
    x = 12
    for _, label, colour in COLOURS:
        out.append(f'<line x1="{x}" y1="38" x2="{x + 18}" y2="38" stroke="{colour}" stroke-width="2.5"/><text x="{x + 23}" y="42">{label}</text>')
        x += 40 + 7 * len(label)
    for j, cell in enumerate(cells):
        top = TOP + j * (HEIGHT + GAP)
        out.append(f'<text x="12" y="{top + HEIGHT / 2}" font-weight="bold">{cell.upper() if cell != "simplernn" else "SimpleRNN"}</text>')
        for i, unit in enumerate(units):
            left = LEFT + i * (WIDTH + GAP)
            chosen = [row for row in rows if row["cell"] == cell and row["units"] == unit]
            out += panel(left, top, unit if j == 0 else None, streams, chosen, j == len(cells) - 1)
    out.append(f'<text x="{LEFT}" y="{height - 8}" fill="#555">streams stepped at once. {caption}</text></svg>')
    return "\n".join(out) + "\n"


def panel(left, top, title, streams, rows, last):
    across = lambda s: left + (streams.index(s) + 0.5) * WIDTH / len(streams)
    up = lambda v: top + HEIGHT * (1 - min(v, 1.1) / 1.1)
    out = [f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc"/>']
    if title:
        out.append(f'<text x="{left + WIDTH / 2}" y="{top - 6}" text-anchor="middle">{title} units</text>')
    for mark in (0, 0.5, 1):
        out.append(f'<line x1="{left}" y1="{up(mark):.1f}" x2="{left + WIDTH}" y2="{up(mark):.1f}" stroke="#ddd"/>'
                   f'<text x="{left - 4}" y="{up(mark) + 4:.1f}" text-anchor="end" fill="#777" font-size="10">{mark:g}</text>')
    if last:
        out += [f'<text x="{across(s):.1f}" y="{top + HEIGHT + 14}" text-anchor="middle" fill="#555" font-size="10">{s}</text>' for s in streams]
    for name, _, colour in COLOURS:
        points = [(across(row["streams"]), up(row["floor_us"] / row[name])) for row in rows if row.get(name) and row.get("floor_us")]
        if points:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="{colour}"/>' for x, y in points]
    return out
