// One chart on the page: title, picture, and a legend with values.
//
// It is made while it is near what is visible. Values change each second, so they are written straight into
// the page. Texts come from strangers: they go in as text, never as markup.

import type { Feed, Viewer } from "../data/feed.ts";
import { isCalm, isZero, lastRow, type Series } from "../data/series.ts";
import { theme } from "../theme.ts";
import { clock, moment } from "../times.ts";
import { age, short } from "../units.ts";
import { nodeNow } from "../nodetime.ts";
import { span, view } from "../view.ts";
import { titleOf, type Chart } from "./charts.ts";
import { cursor } from "./cursor.ts";
import { listen } from "./gestures.ts";
import { hiddenOf, tellAddress } from "./hidden.ts";
import { Plot, colour, coloursOf, type Colours, type Kind } from "./plot.ts";

const PLOT_HEIGHT = 150;
// Rows of a legend that is not shown as a whole, and what the button beside it takes.
const LEGEND_ROWS = 2;
const MORE_WIDTH = 44;
// Dimensions that stand as the chart has them, also those that are only zero.
const FEW = 4;
// Rows that may be missing at the end before a chart is called late, and the least time for it.
const LATE_ROWS = 4;
const LATE_S = 10;
// A chart on which nothing moves but time is drawn more rarely.
const CALM_MS = 5_000;
const DAY_S = 86_400;

interface Entry {
  element: HTMLLIElement;
  button: HTMLButtonElement;
  value: Text;
}

// Which colour a dimension has, by chart: what is busy when it is first seen comes first.
const placesOf = new Map<string, Map<string, number>>();
// Charts whose legend is shown as a whole.
const tall = new Set<string>();

let colours: Colours | null = null;
theme.watch(() => (colours = null));

function make<K extends keyof HTMLElementTagNameMap>(tag: K, name = "", text = ""): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}

export class Card implements Viewer {
  readonly id: string;
  readonly updateEvery: number;
  #plot: Plot;
  #series: Series | null = null;
  #edge = 0;
  #width = 0;
  #entries: Entry[] = [];
  #named = "";
  #hidden: Set<string>;
  #places: Map<string, number>;
  #entryWidth = 110;
  #drawnUnit = "";
  #drawnAt = -Infinity;
  #picture = make("div", "picture");
  #line = make("div", "cursor");
  #mark = make("div", "mark");
  #legend = make("ul", "legend");
  #units = make("span", "units");
  #state = make("span", "state");
  #more = make("button", "more");
  #empty = make("p", "nothing");
  #stops: (() => void)[] = [];
  #sized: ResizeObserver;

  constructor(
    readonly element: HTMLElement,
    readonly chart: Chart,
    readonly feed: Feed,
  ) {
    this.id = chart.id;
    this.updateEvery = Math.max(1, chart.update_every);
    this.#hidden = hiddenOf(chart.id);
    this.#places = placesOf.get(chart.id) ?? new Map();
    placesOf.set(chart.id, this.#places);
    this.#plot = new Plot(this.#picture, kindOf(chart), chart.units, (colours ??= coloursOf(element)), this.#places);
    this.#build();
    this.#sized = new ResizeObserver(([entry]) => this.#size(entry!.contentRect.width));
    this.#sized.observe(this.#picture);
    this.#stops.push(cursor.watch(() => this.#point()));
    this.#stops.push(theme.watch(() => this.#recolour()));
    feed.add(this);
  }

  close(): void {
    this.feed.drop(this);
    this.#stops.forEach((stop) => stop());
    this.#sized.disconnect();
    this.#plot.destroy();
    this.element.replaceChildren();
  }

  show(series: Series, edge: number): void {
    this.#series = series;
    this.#edge = edge;
    this.#name(series);
    const isStill = view.value.live && isCalm(series) && performance.now() - this.#drawnAt < CALM_MS;
    if (isStill) this.#write();
    else this.#draw();
  }

  move(edge: number): void {
    this.#edge = edge;
    this.#drawnAt = -Infinity;
    if (!this.#series) return;
    this.#plot.move(...this.#bounds());
    this.#write();
  }

  #build(): void {
    const caption = make("figcaption");
    const title = make("h4", "", titleOf(this.chart));
    title.title = `${titleOf(this.chart)}\n${this.chart.name}`;
    this.#more.type = "button";
    this.#more.addEventListener("click", () => this.#stretch(!tall.has(this.id)));
    this.#more.hidden = true;
    caption.append(title, make("span", "id", this.chart.name), this.#state, this.#units);
    this.#picture.append(this.#empty);
    this.#picture.setAttribute("role", "img");
    this.#picture.setAttribute("aria-label", `${titleOf(this.chart)}, ${this.chart.units}`);
    this.#mark.hidden = this.#line.hidden = this.#empty.hidden = true;
    const foot = make("div", "foot");
    foot.append(this.#legend, this.#more);
    this.element.replaceChildren(caption, this.#picture, foot);
    this.element.classList.toggle("tall", tall.has(this.id));
    listen({
      element: this.#picture,
      inside: () => this.#plot.over?.getBoundingClientRect() ?? null,
      timeAt: (pixels) => this.#plot.timeAt(pixels),
      mark: (from, to) => this.#select(from, to),
    });
  }

  #size(width: number): void {
    this.#width = Math.floor(width);
    this.#showMore();
    this.#draw();
  }

  #bounds(): [number, number] {
    const current = view.value;
    return current.live ? [this.#edge - span(current), this.#edge] : [current.after, current.before];
  }

  #draw(): void {
    if (!this.#series || this.#width === 0) return;
    this.#drawnAt = performance.now();
    this.#plot.draw(this.#series, this.#hidden, ...this.#bounds(), this.#width, PLOT_HEIGHT);
    const { over } = this.#plot;
    if (over && this.#line.parentNode !== over) over.append(this.#line, this.#mark);
    this.element.dataset.points = String(this.#series.columns.reduce((sum, each) => sum + count(each), 0));
    this.#write();
  }

  // Writes values, units and state.
  #write(): void {
    const series = this.#series!;
    const { unit } = this.#plot;
    if (unit.label !== this.#drawnUnit) this.#units.textContent = this.#drawnUnit = unit.label;
    const last = lastRow(series);
    const lateS = series.newest > 0 ? this.#edge - series.newest : null;
    const isLate = view.value.live && (lateS === null || lateS > Math.max(LATE_S, LATE_ROWS * series.grid.step));
    this.#tell(isLate ? lateS : null, last < 0);
    const row = this.#rowToTell(last, isLate);
    series.columns.forEach((column, place) => {
      const value = row < 0 ? null : column[row];
      write(this.#entries[place]!.value, short(value == null ? null : value * unit.factor));
    });
    this.#point(false);
  }

  // The row under the cursor, or the newest one; of a chart that is late, none is current.
  #rowToTell(last: number, isLate: boolean): number {
    const { grid, times } = this.#series!;
    if (cursor.value === null || this.#plot.position(cursor.value) === null) return isLate ? -1 : last;
    const row = Math.round((cursor.value - grid.first) / grid.step);
    return row >= 0 && row < times.length ? row : -1;
  }

  // Says whether what is drawn is old, or nothing.
  #tell(lateS: number | null, isEmpty: boolean): void {
    this.element.classList.toggle("late", lateS !== null);
    const text = lateS === null ? "" : `nothing for ${age(lateS)}`;
    if (this.#state.textContent !== text) this.#state.textContent = text;
    if (this.#empty.hidden !== isEmpty) return;
    this.#empty.hidden = !isEmpty;
    const newest = this.#series!.newest || this.chart.last_entry;
    this.#empty.textContent = newest > 0 ? `No rows here; the newest is of ${moment(newest, nodeNow())}` : "No rows here";
  }

  // Draws the cursor, and tells of the row under it.
  #point(tell = true): void {
    const time = cursor.value;
    const position = time === null ? null : this.#plot.position(time);
    this.#line.hidden = position === null;
    if (position !== null) {
      this.#line.style.transform = `translateX(${Math.round(position)}px)`;
      this.#line.dataset.time = span(view.value) > DAY_S ? moment(time!, nodeNow()) : clock(time!);
    }
    if (tell && this.#series) this.#write();
  }

  #select(from: number | null, to: number): void {
    this.#mark.hidden = from === null;
    if (from === null) return;
    this.#mark.style.left = `${Math.min(from, to)}px`;
    this.#mark.style.width = `${Math.abs(to - from)}px`;
  }

  // Makes the legend anew, if dimensions are others; of many, those that are only zero stand last.
  #name({ dimensions, columns }: Series): void {
    const named = dimensions.join("\n");
    if (named === this.#named) return;
    this.#named = named;
    const isIdle = columns.map(isZero);
    const places = dimensions.map((_, place) => place);
    // Of a few, such as in and out, each has its place and colour whatever it does.
    const order = places.length <= FEW ? places : places.sort((a, b) => Number(isIdle[a]) - Number(isIdle[b]) || a - b);
    for (const place of order) {
      const name = dimensions[place]!;
      if (!this.#places.has(name)) this.#places.set(name, this.#places.size);
    }
    this.#entries = dimensions.map((name) => this.#entry(name));
    order.forEach((place) => this.#entries[place]!.element.classList.toggle("idle", isIdle[place]));
    // As wide as the longest name, so that entries stand in columns.
    const longest = Math.max(...dimensions.map((name) => name.length));
    this.#entryWidth = 66 + 7 * Math.min(Math.max(longest, 6), 20);
    this.#legend.style.setProperty("--entry", `${this.#entryWidth}px`);
    this.#legend.replaceChildren(...order.map((place) => this.#entries[place]!.element));
    this.#showMore();
  }

  #entry(name: string): Entry {
    const [element, button, swatch] = [make("li"), make("button"), make("i")];
    const value = document.createTextNode("–");
    const holder = make("span", "value");
    holder.append(value);
    button.type = "button";
    button.title = name;
    button.setAttribute("aria-pressed", String(!this.#hidden.has(name)));
    swatch.style.background = colour((colours ??= coloursOf(this.element)), this.#places.get(name) ?? 0);
    button.append(swatch, make("span", "called", name), holder);
    button.addEventListener("click", (event) => this.#toggle(name, event.shiftKey || event.ctrlKey || event.metaKey));
    element.append(button);
    return { element, button, value };
  }

  // Hides or shows a dimension; `alone` all but it, or all.
  #toggle(name: string, alone: boolean): void {
    const names = this.#series!.dimensions;
    if (alone) {
      const isAlone = !this.#hidden.has(name) && this.#hidden.size === names.length - 1;
      this.#hidden.clear();
      if (!isAlone) names.filter((other) => other !== name).forEach((other) => this.#hidden.add(other));
    } else if (!this.#hidden.delete(name)) this.#hidden.add(name);
    tellAddress();
    names.forEach((each, place) => this.#entries[place]!.button.setAttribute("aria-pressed", String(!this.#hidden.has(each))));
    this.#draw();
  }

  #stretch(isTall: boolean): void {
    if (isTall) tall.add(this.id);
    else tall.delete(this.id);
    this.element.classList.toggle("tall", isTall);
    this.#showMore();
  }

  #showMore(): void {
    const isTall = tall.has(this.id);
    const columns = Math.max(1, Math.floor((this.#width - MORE_WIDTH) / (this.#entryWidth + 10)));
    this.#more.hidden = !isTall && this.#entries.length <= LEGEND_ROWS * columns;
    this.#more.textContent = isTall ? "fewer" : `all ${this.#entries.length}`;
    this.#more.setAttribute("aria-expanded", String(isTall));
  }

  #recolour(): void {
    colours ??= coloursOf(this.element);
    this.#plot.recolour(colours);
    this.#entries.forEach(({ button }) => {
      (button.firstChild as HTMLElement).style.background = colour(colours!, this.#places.get(button.title) ?? 0);
    });
    this.#draw();
  }
}

function kindOf({ chart_type }: Chart): Kind {
  return chart_type === "area" || chart_type === "stacked" ? chart_type : "line";
}

function count(column: (number | null)[]): number {
  let count = 0;
  for (const value of column) if (value !== null) count++;
  return count;
}

function write(node: Text, text: string): void {
  if (node.data !== text) node.data = text;
}
