// The picture of one chart, drawn by uPlot: lines, areas, or areas on top of each other.

import uPlot from "uplot";

import { gaps, isZero, stacked, type Column, type Series } from "../data/series.ts";
import { unitFor, type Unit } from "../units.ts";
import { reach, timeMarks, timeTexts, valueMarks, valueTexts } from "./axis.ts";

export type Kind = "line" | "area" | "stacked";

export interface Colours {
  series: string[];
  ground: string;
  text: string;
  grid: string;
  gap: string;
}

const AXIS_WIDTH = 44;
const AXIS_HEIGHT = 20;
const TOP = 8;
const RIGHT = 4;
const FONT = "11px system-ui, sans-serif";

// Colours of the theme that is in force.
export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return {
    series: of("--series").split(/\s+/),
    ground: of("--sheet"),
    text: of("--faint"),
    grid: of("--grid"),
    gap: of("--gap"),
  };
}

export function colour(colours: Colours, place: number): string {
  return colours.series[place % colours.series.length]!;
}

// A colour so faint on another one that it needs no transparency, which costs time when drawn.
function mixed(colour: string, ground: string, share: number): string {
  const parts = (hex: string) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const [front, back] = [parts(colour), parts(ground)];
  return `rgb(${front.map((part, at) => Math.round(part * share + back[at]! * (1 - share))).join(" ")})`;
}

export class Plot {
  #plot: uPlot | null = null;
  #shown: Series | null = null;
  #unit: Unit = { label: "", factor: 1 };
  #scale: [number, number] = [0, 1];
  #after = 0;
  #before = 1;
  #names = "";

  constructor(
    readonly root: HTMLElement,
    readonly kind: Kind,
    readonly units: string,
    private colours: Colours,
    // Which colour a dimension has.
    readonly places: Map<string, number>,
  ) {}

  get unit(): Unit {
    return this.#unit;
  }

  get over(): HTMLElement | null {
    return this.#plot?.over ?? null;
  }

  destroy(): void {
    this.#plot?.destroy();
    this.#plot = null;
  }

  recolour(colours: Colours): void {
    this.colours = colours;
    this.destroy();
    this.#names = "";
  }

  // Draws rows from `after` to `before`, without what is hidden.
  draw(series: Series, hidden: Set<string>, after: number, before: number, width: number, height: number): void {
    const places = this.#drawn(series, hidden);
    // The sum of all is drawn first, and what is below it over it: so nothing needs to be cut out.
    const order = this.kind === "stacked" ? places.toReversed() : places;
    this.#shown = series;
    [this.#after, this.#before] = [after, before];
    const data = this.#data(series, places);
    // uPlot draws a little later, but whoever tells values wants their unit now.
    this.#scale = this.#reach(data);
    const names = order.map((place) => series.dimensions[place]!).join("\n");
    if (this.#plot && names === this.#names) {
      if (this.#plot.width !== width || this.#plot.height !== height) this.#plot.setSize({ width, height });
      this.#plot.setData(data);
      return;
    }
    this.destroy();
    this.#names = names;
    this.#plot = new uPlot(this.#options(series.dimensions, order, width, height), data, this.root);
  }

  // Shows another stretch of the same rows.
  move(after: number, before: number): void {
    [this.#after, this.#before] = [after, before];
    if (!this.#plot) return;
    this.#scale = this.#reach(this.#plot.data);
    this.#plot.setScale("x", { min: after, max: before });
  }

  // Where a moment is, in pixels of the plot's inside; `null` where it is out of sight.
  position(time: number): number | null {
    if (!this.#plot || time < this.#after || time > this.#before) return null;
    // uPlot itself would still tell of what was drawn before.
    return ((time - this.#after) / (this.#before - this.#after)) * (this.#plot.bbox.width / devicePixelRatio);
  }

  timeAt(pixels: number): number {
    return this.#plot ? this.#plot.posToVal(pixels, "x") : 0;
  }

  // The places of what is drawn: of dimensions that are only zero, one is enough, as they would all lie on
  // each other.
  #drawn({ dimensions, columns }: Series, hidden: Set<string>): number[] {
    const places = dimensions.map((_, place) => place).filter((place) => !hidden.has(dimensions[place]!));
    const busy = places.filter((place) => !isZero(columns[place]!));
    return busy.length > 0 ? busy : places.slice(0, 1);
  }

  #data(series: Series, places: number[]): uPlot.AlignedData {
    const columns = places.map((place) => series.columns[place]!);
    const drawn = this.kind === "stacked" ? stacked(columns).toReversed() : columns;
    return [series.times, ...drawn] as uPlot.AlignedData;
  }

  #options(dimensions: string[], order: number[], width: number, height: number): uPlot.Options {
    const { colours } = this;
    const axis = { stroke: colours.text, font: FONT, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false }, border: { show: false } };
    return {
      width,
      height,
      padding: [TOP, RIGHT, 0, 0],
      cursor: { show: false },
      legend: { show: false },
      scales: {
        x: { time: true, auto: false, range: () => [this.#after, this.#before] },
        y: { range: () => this.#scale },
      },
      axes: [
        {
          ...axis,
          size: AXIS_HEIGHT,
          gap: 4,
          splits: (plot, _axis, min, max) => timeMarks(min, max, plot.bbox.width / devicePixelRatio),
          values: (_plot, marks) => timeTexts(marks),
        },
        {
          ...axis,
          size: AXIS_WIDTH,
          gap: 5,
          splits: (plot, _axis, min, max) => valueMarks(min, max, this.#unit.factor, plot.bbox.height / devicePixelRatio),
          values: (_plot, marks) => valueTexts(marks, this.#unit.factor),
        },
      ],
      series: [{}, ...order.map((place) => this.#line(colour(colours, this.places.get(dimensions[place]!) ?? place)))],
      hooks: { drawClear: [(plot) => this.#drawGaps(plot)] },
    };
  }

  #line(stroke: string): uPlot.Series {
    const points = { show: false };
    if (this.kind === "stacked") return { stroke, fill: mixed(stroke, this.colours.ground, 0.78), width: 1, points };
    if (this.kind === "area") return { stroke, fill: mixed(stroke, this.colours.ground, 0.22), width: 1, points };
    return { stroke, width: 1, points };
  }

  // What of the values is in sight decides the axis, and the unit.
  #reach([times, ...columns]: uPlot.AlignedData): [number, number] {
    let [min, max] = [Infinity, -Infinity];
    for (const column of columns as Column[]) {
      for (let row = 0; row < times.length; row++) {
        const value = column[row];
        if (value == null || times[row]! < this.#after || times[row]! > this.#before) continue;
        if (value < min) min = value;
        if (value > max) max = value;
      }
    }
    const size = Math.max(Math.abs(min), Math.abs(max));
    this.#unit = unitFor(this.units, Number.isFinite(size) ? size : 0);
    const { factor } = this.#unit;
    const [low, high] = reach(min * factor, max * factor, this.kind === "line", this.#unit.label === "%" ? 100 : Infinity);
    return [low / factor, high / factor];
  }

  // Stretches without rows are tinted: nothing there is not the same as zero.
  #drawGaps(plot: uPlot): void {
    if (!this.#shown) return;
    const series = this.#shown;
    const { left, top, width, height } = plot.bbox;
    const { step } = series.grid;
    const x = (time: number) => Math.min(Math.max(plot.valToPos(time, "x", true), left), left + width);
    plot.ctx.fillStyle = this.colours.gap;
    const found: [number, number][] = gaps(series).map(([first, last]) => [series.times[first]! - step, series.times[last]!]);
    const last = series.times.at(-1)!;
    // What follows the last row, where that is more than the row that is yet to come.
    if (this.#before - last > 2 * step) found.push([last, this.#before]);
    for (const [after, before] of found) {
      // A row that is only late looks like a gap for a moment.
      if (before >= this.#before && before - after <= 2 * step) continue;
      const [from, to] = [x(after), x(before)];
      if (to > from) plot.ctx.fillRect(from, top, to - from, height);
    }
  }
}
