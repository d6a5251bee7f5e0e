// The charts of one host: sections, families and cards, of which only visible ones are kept fresh.
//
// Texts come from strangers: they go into the page as text, never as markup.

import { colour, paint, rowAt, timeAt } from "./painter.js";
import { number, section, sectionOf } from "./words.js";

const POINTS_MIN = 40;
const PIXELS_PER_POINT = 2;

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

// One chart.
class Card {
  constructor(board, chart) {
    this.board = board;
    this.visible = false;
    this.loading = false;
    this.dueMs = 0;
    this.labels = [];
    this.view = { type: "line", from: 0, to: 1, step: 1000, times: null, columns: [], hidden: new Set() };
    this.element = make("figure", "card");
    const caption = make("figcaption");
    this.family = make("span", "about");
    this.title = make("h4");
    this.id = make("span", "id");
    this.units = make("span", "units");
    caption.append(this.family, this.title, this.id, this.units);
    this.canvas = make("canvas");
    this.legend = make("ul", "legend");
    this.element.append(caption, this.canvas, this.legend);
    this.element.dataset.points = "0";
    this.element.card = this.canvas.card = this;
    this.describe(chart);
    this.canvas.addEventListener("pointermove", (event) => board.hover(timeAt(this.canvas, this.view, event.offsetX)));
    this.canvas.addEventListener("pointerleave", () => board.hover(null));
  }

  // Takes over what is now known of the chart.
  describe(chart) {
    this.chart = chart;
    this.element.dataset.chart = chart.id;
    const named = ` (${chart.name})`;
    this.title.textContent = chart.title.endsWith(named) ? chart.title.slice(0, -named.length) : chart.title;
    this.title.title = chart.title;
    this.id.textContent = chart.name;
    this.family.textContent = chart.family;
    this.units.textContent = chart.units;
    this.view.type = chart.chart_type;
    this.name(Object.values(chart.dimensions).map((dimension) => dimension.name));
  }

  // Writes the legend.
  name(labels) {
    if (labels.length === this.labels.length && labels.every((label, place) => label === this.labels[place])) return;
    this.labels = labels;
    this.view.hidden.clear();
    this.values = labels.map(() => make("span", "value", "–"));
    const entries = labels.map((label, place) => {
      const [entry, button, swatch] = [make("li"), make("button"), make("i")];
      button.type = "button";
      button.title = label;
      button.setAttribute("aria-pressed", "true");
      swatch.style.background = colour(place);
      button.append(swatch, make("span", "called", label), this.values[place]);
      button.addEventListener("click", () => this.toggle(place, button));
      entry.append(button);
      return entry;
    });
    this.legend.replaceChildren(...entries);
  }

  toggle(place, button) {
    const { hidden } = this.view;
    if (!hidden.delete(place)) hidden.add(place);
    button.setAttribute("aria-pressed", String(!hidden.has(place)));
    this.draw();
  }

  // Asks for the rows of the range up to the newest.
  async load(nowMs) {
    const { board, chart } = this;
    const range = board.range;
    const points = Math.max(POINTS_MIN, Math.floor(this.canvas.clientWidth / PIXELS_PER_POINT));
    const query = new URLSearchParams({ chart: chart.id, after: -range, points, group: "average", options: "ms|flip" });
    this.loading = true;
    this.dueMs = nowMs + 900;
    try {
      const response = await fetch(`${board.host}api/v1/data?${query}`, { signal: board.abort.signal });
      if (response.status !== 404 && !response.ok) throw new Error(`status ${response.status}`);
      const { labels, data } = response.ok ? await response.json() : { labels: ["time"], data: [] };
      if (range === board.range) this.take(labels.slice(1), data, range, nowMs);
    } finally {
      this.loading = false;
    }
  }

  take(labels, rows, rangeS, nowMs) {
    const { view, chart } = this;
    if (rows.length > 0 && rows[0].length > labels.length) this.name(labels);
    view.times = rows.map((row) => row[0]);
    view.columns = rows.length > 0 ? this.labels.map((_, place) => rows.map((row) => row[place + 1])) : [];
    view.step = rows.length > 1 ? rows[1][0] - rows[0][0] : chart.update_every * 1000;
    view.to = rows.length > 0 ? rows[rows.length - 1][0] : Date.now();
    view.from = view.to - rangeS * 1000;
    this.dueMs = nowMs + Math.max(1000, view.step) - 100;
    this.draw();
    document.body.dataset.ready = "1";
  }

  draw() {
    const { view, board } = this;
    if (view.times === null) return;
    this.element.dataset.points = String(paint(this.canvas, view, board.cursor));
    const row = board.cursor === null ? this.newest() : rowAt(view, board.cursor);
    this.values.forEach((value, place) => {
      value.textContent = number(row < 0 ? null : view.columns[place]?.[row]);
    });
  }

  // The newest row with a value.
  newest() {
    let row = this.view.times.length - 1;
    while (row >= 0 && this.view.columns.every((column) => column[row] === null)) row--;
    return row;
  }
}

// All charts of the chosen host.
export class Board {
  constructor(root, menu, onCursor) {
    [this.root, this.menu, this.onCursor] = [root, menu, onCursor];
    this.cards = new Map();
    this.visible = new Set();
    this.range = 300;
    this.cursor = null;
    this.host = "";
    this.abort = new AbortController();
    this.seen = new IntersectionObserver((entries) => entries.forEach((entry) => this.see(entry)), { rootMargin: "120px" });
    this.sized = new ResizeObserver((entries) => entries.forEach(({ target }) => target.card.draw()));
  }

  // Forgets everything and turns to another host, whose address ends with a slash.
  turnTo(host) {
    this.abort.abort();
    this.abort = new AbortController();
    this.host = host;
    this.cards.forEach((card) => this.drop(card));
    this.cards.clear();
    this.root.replaceChildren();
    this.menu.replaceChildren();
    delete document.body.dataset.ready;
  }

  // Shows these charts, keeping the cards of those that were there.
  show(charts) {
    for (const [id, card] of this.cards) {
      if (!Object.hasOwn(charts, id)) {
        this.drop(card);
        this.cards.delete(id);
      }
    }
    const sections = [...arrange(Object.values(charts))];
    this.root.replaceChildren(...sections.map(([name, families]) => this.section(name, families)));
    this.menu.replaceChildren(...sections.map(([name], place) => {
      const button = make("button", "", section(name));
      button.type = "button";
      button.addEventListener("click", () => this.root.children[place].firstChild.scrollIntoView({ behavior: "smooth" }));
      return button;
    }));
    this.lookAround();
  }

  section(name, families) {
    const element = make("section");
    element.append(make("h2", "", section(name)));
    const cards = make("div", "cards");
    for (const charts of families.values()) cards.append(...charts.map((chart) => this.card(chart).element));
    element.append(cards);
    return element;
  }

  card(chart) {
    const known = this.cards.get(chart.id);
    if (known) {
      known.describe(chart);
      return known;
    }
    const card = new Card(this, chart);
    this.cards.set(chart.id, card);
    this.seen.observe(card.element);
    this.sized.observe(card.canvas);
    return card;
  }

  drop(card) {
    this.seen.unobserve(card.element);
    this.sized.unobserve(card.canvas);
    this.visible.delete(card);
  }

  // Marks what is visible at once; the observer comes a frame later.
  lookAround() {
    for (const element of this.root.querySelectorAll(".card")) {
      if (element.getBoundingClientRect().top > innerHeight) return;
      this.visible.add(element.card);
    }
  }

  see({ target: { card }, isIntersecting }) {
    if (!isIntersecting) return void this.visible.delete(card);
    this.visible.add(card);
    this.refresh(performance.now()).catch(() => {});
  }

  setRange(seconds) {
    this.range = seconds;
    this.cards.forEach((card) => { card.dueMs = 0; });
  }

  // Loads what is visible and due; fails where any of it did.
  async refresh(nowMs) {
    const due = [...this.visible].filter((card) => !card.loading && card.dueMs <= nowMs);
    const loads = await Promise.allSettled(due.map((card) => card.load(nowMs)));
    const failed = loads.find(({ status, reason }) => status === "rejected" && reason.name !== "AbortError");
    if (failed) throw failed.reason;
  }

  // Marks the same moment on all charts.
  hover(ms) {
    this.cursor = ms;
    this.onCursor(ms);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.visible.forEach((card) => card.draw());
    });
  }
}

// Sections by their most important chart, families likewise, charts by priority and id.
function arrange(charts) {
  charts.sort((a, b) => a.priority - b.priority || (a.id < b.id ? -1 : 1));
  const sections = new Map();
  for (const chart of charts) {
    const name = sectionOf(chart.type);
    if (!sections.has(name)) sections.set(name, new Map());
    const families = sections.get(name);
    if (!families.has(chart.family)) families.set(chart.family, []);
    families.get(chart.family).push(chart);
  }
  return sections;
}
