// Draws one chart on a canvas: grid, axes, series with their gaps, and the shared cursor.

import { mark, time } from "./words.js";

const EDGE = { left: 50, right: 6, top: 8, bottom: 19 };
const INK = { grid: "#1b2530", axis: "#67788a", zero: "#2b3947", cursor: "#9fb2c5", empty: "#556373" };
const PALETTE = [
  "#4cc2ff", "#ffb454", "#7fd962", "#f2777a", "#c792ea", "#59e3c1",
  "#ffd866", "#ff8f5c", "#82aaff", "#e57cc0", "#a9c77d", "#b4c5d6",
];
const TIME_STEPS_S = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

export function colour(place) {
  if (place < PALETTE.length) return PALETTE[place];
  return `hsl(${Math.round(place * 137.5) % 360} 62% ${58 + place % 3 * 8}%)`;
}

// The second under a place of the canvas.
export function timeAt(canvas, view, x) {
  const width = canvas.clientWidth - EDGE.left - EDGE.right;
  return view.from + (x - EDGE.left) / width * (view.to - view.from);
}

// The row nearest to a time, or -1.
export function rowAt(view, ms) {
  if (ms === null || !view.times?.length) return -1;
  const row = Math.round((ms - view.times[0]) / view.step);
  return row >= 0 && row < view.times.length ? row : -1;
}

// Draws `view`; returns how many points it drew.
// view: { type, from, to, step, times, columns, hidden } with times in ms and null for gaps.
export function paint(canvas, view, cursor) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (width === 0) return 0;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "11px system-ui, sans-serif";

  const layers = stack(view);
  const range = extent(layers, view.type);
  const area = { left: EDGE.left, right: width - EDGE.right, top: EDGE.top, bottom: height - EDGE.bottom };
  const x = (ms) => area.left + (ms - view.from) / (view.to - view.from) * (area.right - area.left);
  const y = (value) => area.bottom - (value - range.low) / (range.high - range.low) * (area.bottom - area.top);

  drawValueAxis(pen, area, range, y);
  drawTimeAxis(pen, area, view, x);
  pen.save();
  pen.beginPath();
  pen.rect(area.left, area.top - 2, area.right - area.left + 2, area.bottom - area.top + 4);
  pen.clip();
  let points = 0;
  for (const layer of layers) points += drawLayer(pen, layer, view, x, y, area);
  pen.restore();
  if (points === 0) drawEmpty(pen, area);
  drawCursor(pen, area, layers, view, rowAt(view, cursor), x, y);
  return points;
}

// Series as { colour, low, high }: what is drawn from and to. Stacks grow from zero both ways.
function stack(view) {
  const shown = view.columns.map((column, place) => ({ column, place })).filter(({ place }) => !view.hidden.has(place));
  if (view.type !== "stacked") {
    return shown.map(({ column, place }) => ({ colour: colour(place), low: null, high: column }));
  }
  const [above, below] = [new Float64Array(view.times.length), new Float64Array(view.times.length)];
  return shown.map(({ column, place }) => {
    const [low, high] = [new Array(column.length), new Array(column.length)];
    for (let row = 0; row < column.length; row++) {
      const value = column[row];
      const sums = value < 0 ? below : above;
      low[row] = sums[row];
      high[row] = value === null ? null : sums[row] += value;
    }
    return { colour: colour(place), low, high };
  });
}

// The values to show, with round marks.
function extent(layers, type) {
  let [low, high] = [Infinity, -Infinity];
  for (const { high: values } of layers) {
    for (const value of values) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return { low: 0, high: 1, step: 0.5 };
  // A line far from zero is shown as it moves; whatever is filled is filled from zero.
  if (type !== "line" || high - low > Math.abs(high) * 0.15 || high === low) {
    low = Math.min(low, 0);
    high = Math.max(high, 0);
  }
  if (high === low) high = low + 1;
  const step = round((high - low) / 4.6);
  return { low: Math.floor(low / step + 1e-9) * step, high: Math.ceil(high / step - 1e-9) * step, step };
}

// The smallest of 1, 2, 2.5, 5 and 10 times a power of ten that is not below `size`.
function round(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  return power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= size * 0.999);
}

function drawValueAxis(pen, area, range, y) {
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  const size = Math.max(Math.abs(range.low), Math.abs(range.high));
  const marks = Math.round((range.high - range.low) / range.step);
  for (let number = 0; number <= marks; number++) {
    const value = range.low + number * range.step;
    const at = Math.round(y(value)) + 0.5;
    pen.strokeStyle = Math.abs(value) < range.step / 1e6 ? INK.zero : INK.grid;
    line(pen, area.left, at, area.right, at);
    pen.fillStyle = INK.axis;
    pen.fillText(mark(value, range.step, size), area.left - 7, at, area.left - 8);
  }
}

function drawTimeAxis(pen, area, view, x) {
  const most = Math.max(2, (area.right - area.left) / 88);
  const step = (TIME_STEPS_S.find((step) => (view.to - view.from) / 1000 / step <= most) ?? 7200) * 1000;
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  for (let ms = Math.ceil(view.from / step) * step; ms <= view.to; ms += step) {
    const at = Math.round(x(ms)) + 0.5;
    pen.strokeStyle = INK.grid;
    line(pen, at, area.top, at, area.bottom);
    pen.fillStyle = INK.axis;
    const text = time(ms, step < 60000);
    if (at - area.left > 18 && area.right - at > 18) pen.fillText(text, at, area.bottom + 15);
  }
}

// Draws a series run by run; a gap ends a run.
function drawLayer(pen, layer, view, x, y, area) {
  const { high, low } = layer;
  let points = 0;
  for (let start = 0; start < high.length; start++) {
    if (high[start] === null) continue;
    let end = start;
    while (end + 1 < high.length && high[end + 1] !== null) end++;
    points += end - start + 1;
    if (view.type !== "line") fillRun(pen, layer, view, start, end, x, y, area);
    pen.strokeStyle = pen.fillStyle = layer.colour;
    if (start === end) {
      pen.fillRect(x(view.times[start]) - 1, y(high[start]) - 1, 2, low === null ? 2 : Math.max(2, y(low[start]) - y(high[start])));
    } else {
      pen.lineWidth = view.type === "stacked" ? 1 : 1.5;
      pen.lineJoin = "round";
      pen.beginPath();
      for (let row = start; row <= end; row++) pen.lineTo(x(view.times[row]), y(high[row]));
      pen.stroke();
    }
    start = end;
  }
  return points;
}

function fillRun(pen, layer, view, start, end, x, y, area) {
  pen.beginPath();
  for (let row = start; row <= end; row++) pen.lineTo(x(view.times[row]), y(layer.high[row]));
  for (let row = end; row >= start; row--) pen.lineTo(x(view.times[row]), y(layer.low === null ? 0 : layer.low[row]));
  pen.closePath();
  pen.fillStyle = layer.colour;
  pen.globalAlpha = view.type === "stacked" ? 0.55 : 0.22;
  pen.fill();
  pen.globalAlpha = 1;
}

function drawEmpty(pen, area) {
  pen.fillStyle = INK.empty;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText("no data in this range", (area.left + area.right) / 2, (area.top + area.bottom) / 2);
}

function drawCursor(pen, area, layers, view, row, x, y) {
  if (row < 0) return;
  const at = Math.round(x(view.times[row])) + 0.5;
  if (at < area.left || at > area.right + 1) return;
  pen.strokeStyle = INK.cursor;
  pen.lineWidth = 1;
  pen.setLineDash([3, 3]);
  line(pen, at, area.top, at, area.bottom);
  pen.setLineDash([]);
  for (const layer of layers) {
    if (layer.high[row] === null) continue;
    pen.fillStyle = layer.colour;
    pen.beginPath();
    pen.arc(at, y(layer.high[row]), 2.6, 0, 7);
    pen.fill();
  }
}

function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
