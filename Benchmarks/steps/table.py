"""Rows as lines of a table: our time, and how many times as long the others take."""

HEAD = "| cell | units | streams | row | own us | floor/own | Swift/own | oneDNN/own | ORT/own | ORT net/own | PyTorch/own | f32/own |"
RULE = "|--" * (HEAD.count("|") - 1) + "|"


def ratio(row, name):
    return None if row.get(name) is None else row[name] / row["own_us"]


def kind(row):
    if row["steps"] > 1:
        return f"{row['steps']} steps"
    return "tokens" if row["input"] != "dense" else row["format"]


def shape(row):
    return f"{row['layers']}x{row['units']}" if row["layers"] > 1 else str(row["units"])


def line(row):
    names = ("floor_us", "swift_us", "onednn_us", "onnxruntime_us", "onnxruntime_net_us", "pytorch_us", "f32_us")
    values = [ratio(row, name) for name in names]
    cells = [row["cell"], shape(row), str(row["streams"]), kind(row), f"{row['own_us']:.2f}"]
    return "| " + " | ".join(cells + ["-" if value is None else f"{value:.2f}" for value in values]) + " |"


def plain_rows(rows):
    """Dense single layers in f32, one step at a time."""
    return [row for row in rows if kind(row) == "f32" and row["layers"] == 1]
