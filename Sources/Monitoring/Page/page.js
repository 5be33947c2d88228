// The daemon's page. It subscribes to taps through /live and draws what comes; it asks nothing else.
"use strict";

const pointsMax = 240;        // steps of a plot
const columnsMax = 160;       // steps of a heat map
const rowsMax = 300;          // streams in the table
const eventsMax = 100;
const drawEvery = 500;        // milliseconds: what changes more often cannot be read
const palette = ["#00966e", "#3b6fe0", "#d9722b", "#a34bd0", "#c23a5b", "#6f7d1f", "#1796b0", "#8a6d3b"];
const byID = (id) => document.getElementById(id);
const text = (id, value) => { const node = byID(id); if (node.textContent !== value) node.textContent = value; };

const state = {
  socket: null, retry: 500,
  stats: new Map(),           // process -> its last stats
  streams: new Map(),         // name -> {name, steps, answers, open, rate, waiting}
  listed: { time: 0, open: 0 },
  sort: { key: "rate", sign: -1 },
  filter: "", cursor: null, chosen: null, frozen: false, layer: "",
  history: [],                // [time, durations] of the stage that answers
  events: [], lost: 0, skipped: 0,
  near: { shown: null, pinned: null, asked: 0 },  // token whose neighbours are shown, token that was clicked
  dirty: new Set(),
};
let live = emptyStream();

function emptyStream() {
  return { lines: [], outputs: [], inputs: [], kind: "", h: [], c: [], gates: [], scale: 1, skippedFrom: state?.skipped ?? 0 };
}

// Values

const decode = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer;

function rows(message) {
  const values = new Float32Array(decode(message.floats));
  const width = Math.max(1, message.width);
  return Array.from({ length: Math.floor(values.length / width) }, (_, index) =>
    ({ number: message.number + index, values: values.subarray(index * width, (index + 1) * width) }));
}

function keep(list, items, limit) {
  list.push(...items);
  if (list.length > limit) list.splice(0, list.length - limit);
}

function amount(value) {
  if (value === undefined || value === null || !isFinite(value)) return "–";
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (Math.abs(value) >= size) return (value / (unit === "k" ? 1e3 : size)).toPrecision(3) + unit;
  }
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toString() : value.toPrecision(3);
}

const bytes = (value) => value >= 2 ** 30 ? (value / 2 ** 30).toFixed(2) + " GiB" : (value / 2 ** 20).toFixed(1) + " MiB";

function duration(microseconds) {
  if (microseconds === undefined || microseconds === null) return "–";
  if (microseconds < 1000) return microseconds.toPrecision(3) + " µs";
  if (microseconds < 1e6) return (microseconds / 1e3).toPrecision(3) + " ms";
  return (microseconds / 1e6).toPrecision(3) + " s";
}

// The connection

function topics() {
  const list = ["tap/daemon/stats/", "tap/daemon/events/", "tap/tokenizer/streams/"];
  if (state.chosen && !state.frozen) {
    const name = state.chosen + "/";
    list.push("tap/sink/result/" + name, "tap/inference/output/" + name, "tap/tokenizer/tokens/" + name);
    if (state.layer) {
      list.push(`tap/inference/state/${name}${state.layer}/`, `tap/inference/gates/${name}${state.layer}/`);
    }
  }
  return list;
}

function subscribe() {
  if (state.socket?.readyState === WebSocket.OPEN) state.socket.send(JSON.stringify({ watch: topics() }));
}

function connect() {
  const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/live");
  state.socket = socket;
  socket.onopen = () => { state.retry = 500; say("live", "live"); subscribe(); };
  socket.onmessage = (event) => take(JSON.parse(event.data));
  socket.onclose = () => {
    say("gone", "daemon gone, trying again");
    setTimeout(connect, state.retry);
    state.retry = Math.min(5000, state.retry * 2);
  };
}

function say(kind, words) {
  byID("connection").dataset.state = kind;
  text("connection", words);
}

function take(turn) {
  for (const message of turn.messages) {
    const words = message.topic.split("/");
    if (message.topic.startsWith("tap/daemon/stats/")) takeStats(message.value);
    else if (message.topic.startsWith("tap/daemon/events/")) takeEvent(message.value);
    else if (message.topic.startsWith("tap/tokenizer/streams/")) takeStreams(message.value);
    else if (words[3] === state.chosen && !state.frozen) takeStep(words[1] + "/" + words[2], message);
  }
  state.lost = turn.lost;
  state.skipped = turn.skipped;
  state.dirty.add("footer");
}

function takeStats(stats) {
  state.stats.set(stats.about.process, stats);
  const stage = allStages().find((stage) => stage.name === "tokenizer") ?? allStages()[0];
  if (stage && stats.stages.includes(stage)) {
    keep(state.history, [[stats.time, stage.durations]], 62);
    state.dirty.add("histogram");
  }
  state.dirty.add("stages");
}

function takeStreams(list) {
  const now = performance.now() / 1000;
  const seconds = now - state.listed.time;
  const fresh = new Map();
  for (const [name, steps, answers, worker, open] of list.streams) {
    const before = state.streams.get(name);
    const rate = before && seconds > 0 ? Number((Math.max(0, steps - before.steps) / seconds).toPrecision(2)) : 0;
    fresh.set(name, { name, steps, answers, worker, open: open === 1, rate, waiting: Math.max(0, steps - answers) });
  }
  state.streams = fresh;
  state.listed = { time: now, open: list.open };
  state.dirty.add("streams");
}

function takeEvent(event) {
  state.events.unshift({ time: new Date(), event });
  state.events.length = Math.min(state.events.length, eventsMax);
  state.dirty.add("events");
}

function takeStep(what, message) {
  switch (what) {
    case "sink/result": keep(live.lines, [message.value], pointsMax); break;
    case "inference/output": keep(live.outputs, rows(message), pointsMax); break;
    case "tokenizer/tokens":
      if (message.floats) keep(live.inputs, rows(message), pointsMax);
      break;
    case "inference/state": {
      const layer = layers().find((layer) => layer.name === state.layer);
      for (const { number, values } of rows(message)) {
        const units = layer?.cell ? values.length / 2 : values.length;
        keep(live.h, [{ number, values: values.subarray(0, units) }], columnsMax);
        if (layer?.cell) keep(live.c, [{ number, values: values.subarray(units) }], columnsMax);
      }
      break;
    }
    case "inference/gates": {
      const gates = rows(message).map((row) => row.values);
      keep(live.gates, [{ number: message.number, gates }], columnsMax);
      break;
    }
  }
  state.dirty.add("live");
}

// Stages

function allStages() {
  const rank = (name) => ["tokenizer", "inference", "sink"].findIndex((start) => name.startsWith(start));
  return [...state.stats.values()].flatMap((stats) => stats.stages)
    .sort((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name, "en", { numeric: true }));
}

const about = () => [...state.stats.values()][0]?.about;
const layers = () => about()?.layers ?? [];

function svg(name, attributes, words) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (words !== undefined) node.textContent = words;
  return node;
}

function drawStages() {
  const stages = allStages();
  const facts = about();
  if (!facts) return;
  text("pipeline", facts.pipeline);
  text("edges", facts.edges);
  text("build", `version ${facts.version} · ${facts.format} · ${facts.precision} · ${facts.kernels} · ${facts.model.slice(0, 23)}…`);
  const workers = stages.filter((stage) => stage.name.startsWith("inference"));
  const height = Math.max(1, workers.length) * 100;
  const picture = svg("svg", { viewBox: `0 0 960 ${height + 4}`, role: "img", "aria-label": "Stages and links with their rates" });
  const middle = height / 2;
  const tokenizer = stages.find((stage) => stage.name === "tokenizer");
  const sink = stages.find((stage) => stage.name === "sink");
  const ingress = [...state.stats.values()].find((stats) => stats.ingress)?.ingress;
  const link = (x1, y1, x2, y2, rate) => {
    picture.append(svg("path", { class: rate > 0 ? "link busy" : "link", d: `M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}` }));
  };
  picture.append(svg("text", { x: 4, y: middle - 4, "data-field": "connections" }, ingress ? `${ingress.connections} client${ingress.connections === 1 ? "" : "s"}` : "clients"));
  picture.append(svg("text", { class: "quiet", x: 4, y: middle + 14 }, ingress ? `${amount(ingress.streams)} streams` : ""));
  link(96, middle, 150, middle, tokenizer?.rate);
  box(picture, tokenizer, "tokenizer", 150, middle - 46);
  workers.forEach((worker, index) => {
    const y = index * 100 + 50;
    link(370, middle, 430, y, worker.rate);
    box(picture, worker, worker.name, 430, y - 46);
    link(650, y, 710, middle, worker.rate);
  });
  box(picture, sink, "sink", 710, middle - 46);
  byID("stages").replaceChildren(picture);
  const totals = [...state.stats.values()];
  const figures = [
    ["steps/s", amount(tokenizer?.rate ?? workers.reduce((sum, worker) => sum + worker.rate, 0))],
    ["answers", amount(ingress?.answers)], ["repeated", amount(ingress?.repeated)], ["refused", amount(ingress?.refused)],
    ["memory", bytes(totals.reduce((sum, stats) => sum + stats.memory, 0))],
    ["up", duration(Math.max(...totals.map((stats) => stats.uptime)) * 1e6)],
  ];
  byID("figures").replaceChildren(...figures.map(([name, value]) => {
    const pair = document.createElement("div");
    pair.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value }));
    pair.lastChild.dataset.figure = name;
    return pair;
  }));
  const select = byID("layer");
  if (select.options.length === 1) {
    for (const layer of layers()) select.add(new Option(`${layer.name} (${layer.units})`, layer.name));
  }
}

function box(picture, stage, name, x, y) {
  const node = svg("g", { "data-stage": name });
  node.append(svg("rect", { class: stage?.rate > 0 ? "box busy" : "box", x, y, width: 220, height: 92, rx: 8 }));
  node.append(svg("text", { x: x + 12, y: y + 20, "font-weight": 600 }, name));
  if (stage) {
    node.append(svg("text", { class: "rate", x: x + 208, y: y + 20, "text-anchor": "end", "data-field": "rate" }, `${amount(stage.rate)} steps/s`));
    node.append(svg("text", { class: "quiet", x: x + 12, y: y + 42 }, `p50 ${duration(stage.p50)} · p99 ${duration(stage.p99)}`));
    node.append(svg("text", { class: "quiet", x: x + 12, y: y + 80, "data-field": "steps", "data-value": stage.steps }, `${amount(stage.steps)} steps`));
    node.append(svg("text", { class: "quiet", x: x + 12, y: y + 61 }, `queue ${amount(stage.queue)}` + (name === "sink" ? "" : ` · credit ${amount(stage.credit)}`)));
  } else {
    node.append(svg("text", { class: "quiet", x: x + 12, y: y + 42 }, "in a process of its own"));
  }
  picture.append(node);
}

// Streams

function shownStreams() {
  const { key, sign } = state.sort;
  return [...state.streams.values()].filter((stream) => stream.name.includes(state.filter))
    .sort((a, b) => sign * (key === "name" ? a.name.localeCompare(b.name, "en", { numeric: true }) : a[key] - b[key])
      || a.name.localeCompare(b.name, "en", { numeric: true }));
}

function drawStreams() {
  const streams = shownStreams();
  const body = byID("stream-rows");
  const visible = streams.slice(0, rowsMax);
  while (body.rows.length > visible.length) body.deleteRow(-1);
  visible.forEach((stream, index) => {
    const row = body.rows[index] ?? addRow(body);
    const cells = [stream.name, amount(stream.steps), amount(stream.rate), amount(stream.waiting)];
    cells.forEach((value, column) => { if (row.cells[column].textContent !== value) row.cells[column].textContent = value; });
    row.dataset.name = stream.name;
    row.dataset.steps = stream.steps;
    row.className = stream.open ? "" : "ended";
    row.tabIndex = stream.name === (state.cursor ?? visible[0].name) ? 0 : -1;
    row.setAttribute("aria-selected", stream.name === state.chosen);
  });
  text("stream-count", `${amount(state.listed.open)} open`);
  text("list-note", streams.length > rowsMax ? `${rowsMax} of ${streams.length} shown` : "");
}

function addRow(body) {
  const row = body.insertRow();
  for (let column = 0; column < 4; column++) row.insertCell();
  return row;
}

function choose(name) {
  state.chosen = name;
  state.frozen = false;
  live = emptyStream();
  byID("freeze").setAttribute("aria-pressed", "false");
  text("stream-name", name ?? "none chosen");
  byID("live").hidden = !name;
  byID("empty").hidden = !!name;
  byID("last-rows").replaceChildren();
  byID("text").replaceChildren();
  byID("heat").replaceChildren();
  for (const id of ["now-label", "now-score", "now-number"]) text(id, "");
  state.near = { shown: null, pinned: null, asked: 0 };
  subscribe();
  drawStreams();
  state.dirty.add("live");
}

function moveCursor(distance) {
  const names = [...byID("stream-rows").rows].map((row) => row.dataset.name);
  if (!names.length) return;
  const index = names.indexOf(state.cursor);
  state.cursor = names[Math.min(names.length - 1, Math.max(0, index + distance))];
  drawStreams();
  [...byID("stream-rows").rows].find((row) => row.dataset.name === state.cursor)?.focus();
}

// One stream

function surface(id, height) {
  const canvas = typeof id === "string" ? byID(id) : id;
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.height = height + "px";
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

// Looked up once; another theme draws everything anew.
const styles = new Map();
function style(name) {
  if (!styles.has(name)) styles.set(name, getComputedStyle(document.documentElement).getPropertyValue(name));
  return styles.get(name);
}

function curves(id, height, points, series, range) {
  const { context, width } = surface(id, height);
  const left = 44, right = 6, top = 6, bottom = 18;
  let [low, high] = range ?? [Infinity, -Infinity];
  if (!range) {
    for (const point of points) for (const { index } of series) {
      low = Math.min(low, point.values[index]);
      high = Math.max(high, point.values[index]);
    }
    if (!(low < high)) [low, high] = [(isFinite(low) ? low : 0) - 1, (isFinite(low) ? low : 0) + 1];
  }
  const x = (index) => left + (width - left - right) * (points.length > 1 ? index / (points.length - 1) : 1);
  const y = (value) => top + (height - top - bottom) * (1 - (value - low) / (high - low));
  context.strokeStyle = style("--line");
  context.fillStyle = style("--quiet");
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "right";
  // As many digits as the range needs: there is room for seven characters.
  const digits = 2 - Math.floor(Math.log10(high - low));
  const mark = (value) => digits > 4 ? value.toExponential(0) : Number(value.toFixed(Math.max(0, digits))).toString();
  for (const value of [low, (low + high) / 2, high]) {
    context.beginPath();
    context.moveTo(left, y(value));
    context.lineTo(width - right, y(value));
    context.stroke();
    context.fillText(mark(value), left - 4, y(value) + 4);
  }
  if (points.length) {
    context.textAlign = "left";
    context.fillText(`step ${points[0].number}`, left, height - 4);
    context.textAlign = "right";
    context.fillText(`${points[points.length - 1].number}`, width - right, height - 4);
  }
  context.lineWidth = 1.6;
  for (const { index, color } of series) {
    context.strokeStyle = color;
    context.beginPath();
    points.forEach((point, place) => context.lineTo(x(place), y(point.values[index])));
    context.stroke();
  }
}

/// The outputs that were highest lately: at most eight curves.
function strongest(points) {
  const width = points[0]?.values.length ?? 0;
  const peaks = Array.from({ length: width }, (_, index) => ({ index, peak: Math.max(...points.map((point) => Math.abs(point.values[index]))) }));
  return peaks.sort((a, b) => b.peak - a.peak).slice(0, palette.length).map(({ index }) => index).sort((a, b) => a - b);
}

function drawLive() {
  if (!state.chosen) return;
  const labels = about()?.labels ?? [];
  const series = strongest(live.outputs).map((index, place) => ({ index, color: palette[place], name: labels[index] ?? `output ${index}` }));
  curves("answers", 170, live.outputs, series, labels.length ? [0, 1] : undefined);
  byID("legend").replaceChildren(...series.map(({ name, color }) => {
    const entry = document.createElement("span");
    const mark = document.createElement("i");
    mark.style.background = color;
    entry.append(mark, name);
    return entry;
  }));
  const last = live.lines[live.lines.length - 1];
  if (last) {
    text("now-label", last.label ?? "");
    text("now-score", last.score === undefined ? (last.values ?? []).slice(0, 4).map((value) => Number(value?.toPrecision(5))).join(", ") : String(last.score));
    text("now-number", `number ${last.number}`);
  }
  drawText();
  drawNear();
  byID("signal-figure").hidden = !live.inputs.length;
  if (live.inputs.length) {
    const width = Math.min(palette.length, live.inputs[0].values.length);
    curves("signal", 110, live.inputs, Array.from({ length: width }, (_, index) => ({ index, color: palette[index] })));
  }
  drawHeat();
  drawTable();
  const skipped = state.skipped - live.skippedFrom;
  text("skipped", skipped > 0 ? `${amount(skipped)} messages too fast for the eye, not shown` : "");
}

// A token of blanks alone, so that one sees it.
function visible(token) {
  return /\S/.test(token) ? token : [...token].map((letter) => ({ " ": "␣", "\n": "⏎", "\t": "⇥" })[letter] ?? "·").join("") || "∅";
}

function drawText() {
  const lines = live.lines.filter((line) => line.token !== undefined).slice(-120);
  byID("text-figure").hidden = !lines.length;
  if (!lines.length) return;
  const node = byID("text");
  node.replaceChildren(...lines.map((line) => {
    const step = document.createElement("span");
    const answer = document.createElement("small");
    answer.textContent = line.label ?? "";
    step.append(visible(line.token), answer);
    step.title = `number ${line.number}: ${line.label ?? ""} ${line.score ?? ""}`;
    step.dataset.token = line.token;
    if (line.token === state.near.pinned) step.setAttribute("aria-current", "true");
    return step;
  }));
  node.scrollTop = node.scrollHeight;
}

// Which tokens the model takes for alike: the last one's neighbours, asked for once a second at most.
function drawNear() {
  const last = live.lines[live.lines.length - 1];
  const token = state.near.pinned ?? last?.token;
  const isShown = about()?.embeds === true && token !== undefined;
  byID("near-figure").hidden = !isShown;
  byID("text").classList.toggle("near", isShown);
  const now = performance.now();
  if (!isShown || token === state.near.shown || now - state.near.asked < 1000) return;
  state.near.asked = now;
  state.near.shown = token;
  fetch("/similar?to=" + encodeURIComponent(token)).then((answer) => answer.json()).then(({ nearest }) => {
    if (state.near.shown !== token) return;
    text("near-of", visible(token));
    byID("near").replaceChildren(...nearest.map(({ token, id, similarity }) => {
      const entry = document.createElement("li");
      const bar = document.createElement("i");
      bar.className = similarity < 0 ? "away" : "";
      bar.style.width = 100 * Math.abs(similarity) + "%";
      const name = document.createElement("span");
      name.textContent = token === undefined ? `token ${id}` : visible(token);
      entry.append(name, similarity.toFixed(3), bar);
      return entry;
    }));
    if (!nearest.length) text("near", "it has no row of its own");
  }).catch(() => { state.near.shown = null; }); // the daemon has gone: asked again when it is back
}

function drawTable() {
  if (!document.querySelector("details").open) return;
  const inputs = new Map(live.inputs.map((input) => [input.number, input.values]));
  byID("last-rows").replaceChildren(...live.lines.slice(-20).reverse().map((line) => {
    const row = document.createElement("tr");
    const input = inputs.get(line.number);
    const shown = line.token !== undefined ? visible(line.token) : (input ? [...input.slice(0, 3)].map((value) => value.toPrecision(3)).join(" ") + (input.length > 3 ? " …" : "") : "");
    for (const value of [line.number, shown, line.label ?? (line.values ?? []).slice(0, 3).join(" "), line.score ?? ""]) {
      row.insertCell().textContent = value;
    }
    row.dataset.number = line.number;
    return row;
  }));
}

// Heat maps

function mix(from, to, share) {
  return from.map((value, index) => Math.round(value + (to[index] - value) * share));
}

function color(value, isGate, dark) {
  const zero = dark ? [24, 30, 36] : [255, 255, 255];
  if (isGate) return mix(zero, dark ? [65, 211, 165] : [0, 121, 90], Math.min(1, Math.max(0, value)));
  return mix(zero, value < 0 ? [59, 111, 224] : [217, 114, 43], Math.min(1, Math.abs(value)));
}

/// 256 colours from -1 to 1, of a gate from 0 to 1, as a canvas keeps them: made once, looked up for each pixel.
const shades = new Map();
function shadesOf(isGate, dark) {
  const key = `${isGate} ${dark}`;
  if (!shades.has(key)) {
    const bytes = new Uint8ClampedArray(1024);
    for (let index = 0; index < 256; index++) {
      bytes.set([...color(isGate ? index / 255 : (index - 128) / 127, isGate, dark), 255], 4 * index);
    }
    shades.set(key, new Uint32Array(bytes.buffer));
  }
  return shades.get(key);
}

const images = new WeakMap(); // canvas -> its pixels, which are written anew for each drawing

function heatRow(name, title, columns, isGate, scale) {
  let row = byID("heat").querySelector(`[data-map="${name}"]`);
  if (!row) {
    row = document.createElement("div");
    row.className = "heat-row";
    row.dataset.map = name;
    row.append(document.createElement("b"), document.createElement("canvas"));
    row.lastChild.setAttribute("role", "img");
    byID("heat").append(row);
  }
  const canvas = row.lastChild;
  const units = columns[0].values.length;
  const words = `${title}, ${units} units over ${columns.length} steps`;
  if (canvas.getAttribute("aria-label") !== words) {
    row.firstChild.textContent = name;
    row.title = title;
    canvas.setAttribute("aria-label", words);
  }
  if (canvas.width !== columnsMax || canvas.height !== units) {
    canvas.width = columnsMax;
    canvas.height = units;
    canvas.style.height = Math.min(150, Math.max(40, units * 3)) + "px";
    images.delete(canvas);
  }
  const context = canvas.getContext("2d");
  if (!images.has(canvas)) images.set(canvas, context.createImageData(columnsMax, units));
  const image = images.get(canvas);
  const pixels = new Uint32Array(image.data.buffer).fill(0);
  const shade = shadesOf(isGate, matchMedia("(prefers-color-scheme: dark)").matches);
  const [zero, full] = isGate ? [0, 255 / scale] : [128, 127 / scale];
  const start = columnsMax - columns.length;
  columns.forEach(({ values }, column) => {
    for (let unit = 0; unit < units; unit++) {
      const index = Math.round(zero + full * values[unit]);
      pixels[unit * columnsMax + start + column] = shade[index < 0 ? 0 : index > 255 ? 255 : index];
    }
  });
  context.putImageData(image, 0, 0);
}

function drawHeat() {
  if (!state.layer) return byID("heat").replaceChildren();
  if (live.h.length) heatRow("h", `h of ${state.layer}, orange above zero, blue below`, live.h, false, 1);
  if (live.c.length) {
    const largest = Math.max(1e-6, ...live.c.map(({ values }) => Math.max(...values.map(Math.abs))));
    heatRow("c", `c of ${state.layer}, full colour at ${largest.toPrecision(3)}`, live.c, false, largest);
  }
  if (!live.gates.length) return;
  const count = live.gates[live.gates.length - 1].gates.length;
  const names = count === 4 ? ["i", "f", "g", "o"] : count === 3 ? ["z", "r", "ĥ"] : [];
  names.forEach((name, index) => {
    const columns = live.gates.filter(({ gates }) => gates.length === count).map(({ number, gates }) => ({ number, values: gates[index] }));
    const isGate = name !== "g" && name !== "ĥ";
    heatRow(name, isGate ? `gate ${name} of ${state.layer}, from 0 to 1` : `candidate ${name} of ${state.layer}`, columns, isGate, 1);
  });
}

// Latency, events, footer

function drawHistogram() {
  const history = state.history;
  if (!history.length) return;
  const now = history[history.length - 1][1];
  const before = history.length > 1 ? history[0][1] : now.map(() => 0);
  const counts = now.map((count, index) => count - before[index]);
  const { context, width, height } = surface("histogram", 140);
  const total = counts.reduce((sum, count) => sum + count, 0);
  text("histogram-note", total ? `${amount(total)} messages answered` : "no message was answered");
  const first = Math.max(0, counts.findIndex((count) => count > 0) - 1);
  const last = Math.min(counts.length - 1, counts.findLastIndex((count) => count > 0) + 1);
  const shown = total ? counts.slice(first, last + 1) : [];
  const largest = Math.max(1, ...shown);
  const step = width / Math.max(1, shown.length);
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "center";
  let free = 0; // where the next label below the bars may begin
  shown.forEach((count, index) => {
    const tall = (height - 34) * count / largest;
    context.fillStyle = style("--accent");
    context.fillRect(index * step + 2, height - 18 - tall, step - 4, tall);
    context.fillStyle = style("--quiet");
    const number = amount(count);
    // Bars that are too narrow for their numbers have those that matter.
    if (count && (context.measureText(number).width < step || count === largest)) {
      context.fillText(number, (index + 0.5) * step, height - 22 - tall);
    }
    const label = "≤ " + duration(0.125 * 2 ** (first + index));
    const half = context.measureText(label).width / 2;
    const middle = Math.min(width - half, Math.max(half, (index + 0.5) * step));
    if (middle - half < free) return;
    context.fillText(label, middle, height - 4);
    free = middle + half + 10;
  });
}

function drawEvents() {
  byID("events").replaceChildren(...state.events.map(({ time, event }) => {
    const item = document.createElement("li");
    const clock = document.createElement("time");
    clock.textContent = time.toTimeString().slice(0, 8);
    const { event: name, ...rest } = event;
    item.className = name;
    item.append(clock, `${name} ` + Object.entries(rest).map(([key, value]) => `${key} ${value}`).join(", "));
    return item;
  }));
}

function drawFooter() {
  text("lost", state.lost > 0 ? `· ${amount(state.lost)} messages lost on the way to this page` : "· nothing lost on the way to this page");
  byID("lost").classList.toggle("some", state.lost > 0);
}

const drawings = { stages: drawStages, streams: drawStreams, live: drawLive, histogram: drawHistogram, events: drawEvents, footer: drawFooter };

setInterval(() => {
  if (document.hidden || !state.dirty.size) return;
  const dirty = [...state.dirty];
  state.dirty.clear();
  requestAnimationFrame(() => dirty.forEach((name) => drawings[name]()));
}, drawEvery);

// Hands

function freeze() {
  if (!state.chosen) return;
  state.frozen = !state.frozen;
  byID("freeze").setAttribute("aria-pressed", state.frozen);
  subscribe();
}

function chooseLayer(name) {
  state.layer = name;
  byID("layer").value = name;
  Object.assign(live, { h: [], c: [], gates: [] });
  byID("heat").replaceChildren();
  subscribe();
}

byID("stream-rows").addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (row) { state.cursor = row.dataset.name; choose(row.dataset.name); }
});
byID("text").addEventListener("click", (event) => {
  const token = event.target.closest("span")?.dataset.token;
  if (token === undefined) return;
  state.near.pinned = state.near.pinned === token ? null : token;
  state.near.asked = 0;
  drawLive();
});
byID("filter").addEventListener("input", (event) => { state.filter = event.target.value; state.cursor = null; drawStreams(); });
byID("freeze").addEventListener("click", freeze);
byID("layer").addEventListener("change", (event) => chooseLayer(event.target.value));
document.querySelector("details").addEventListener("toggle", drawTable);
document.querySelectorAll("[data-sort]").forEach((button) => button.addEventListener("click", () => {
  const key = button.dataset.sort;
  state.sort = { key, sign: state.sort.key === key ? -state.sort.sign : key === "name" ? 1 : -1 };
  document.querySelectorAll("[data-sort]").forEach((other) => other.removeAttribute("aria-sort"));
  button.setAttribute("aria-sort", state.sort.sign > 0 ? "ascending" : "descending");
  drawStreams();
}));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const inFilter = event.target === byID("filter");
  if (inFilter && event.key === "Enter") {
    // A name that the list does not show can be opened all the same.
    const name = byID("stream-rows").rows[0]?.dataset.name ?? state.filter;
    if (/^[A-Za-z0-9._:@-]{1,128}$/.test(name)) {
      choose(name);
      event.target.blur(); // so that the keys below are keys again
    }
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (event.target.closest("select, #text, #events")) return;
    event.preventDefault();
    moveCursor(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Escape") {
    if (inFilter) {
      // The browser would empty the field and tell nobody.
      event.preventDefault();
      event.target.value = state.filter = "";
      event.target.blur();
      drawStreams();
    } else {
      choose(null);
    }
  } else if (inFilter || event.target.closest("select")) {
    return;
  } else if (event.key === "/") {
    event.preventDefault();
    byID("filter").focus();
  } else if (event.key === "Enter" && state.cursor && event.target.closest("tr")) {
    choose(state.cursor);
  } else if (event.key === "f") {
    freeze();
  } else if (event.key === "g") {
    const options = [...byID("layer").options].map((option) => option.value);
    chooseLayer(options[(options.indexOf(state.layer) + 1) % options.length]);
  }
});
for (const query of ["(prefers-color-scheme: dark)", "(max-width: 680px)"]) {
  matchMedia(query).addEventListener("change", () => {
    styles.clear();
    Object.keys(drawings).forEach((name) => state.dirty.add(name));
  });
}
document.addEventListener("visibilitychange", () => Object.keys(drawings).forEach((name) => state.dirty.add(name)));
connect();
