// The rows of what is visible of one host, kept fresh: once when the view is another, and then, while it is
// live, only what came since. Charts that have rows equally often come in one call.

import { isAbort } from "../api.ts";
import { everyTick, soon } from "../clock.ts";
import { nodeNow } from "../nodetime.ts";
import { bounds, span, view, type View } from "../view.ts";
import { askRows, batches } from "./ask.ts";
import { gridOf, ownStep, stepFor, type Grid } from "./grid.ts";
import { emptySeries, isOf, lastRow, movedOn, seriesOf, type Rows, type Series } from "./series.ts";

export interface Viewer {
  // The chart, and how often it has rows.
  id: string;
  updateEvery: number;
  // Shows rows; `edge` is the right end of the view.
  show(series: Series, edge: number): void;
  // Only the view is another, or time went on without rows.
  move(edge: number): void;
}

interface Line {
  id: string;
  updateEvery: number;
  // All that show this chart.
  viewers: Set<Viewer>;
  series: Series | null;
  // The view that the series is of.
  of: string;
  // When it was asked for as a whole, and for what is new.
  wholeAt: number;
  tailAt: number;
  isAsking: boolean;
}

// Rows may come late, from replication: all is asked for again now and then.
const WHOLE_EVERY_S = 60;
const WHOLE_AT_ONCE = 4;
// A chart that lags behind for so many rows is asked for as a whole, and more rarely.
const BEHIND_ROWS = 12;
const BEHIND_EVERY_S = 5;
// While somebody drags, rows wait for the hand to rest.
const REST_MS = 120;

export class Feed {
  #lines = new Map<string, Line>();
  #cache = new Map<string, Pick<Line, "series" | "of" | "wholeAt">>();
  // Lines with rows that are not shown yet, and calls for what is new that are not answered.
  #fresh = new Set<Line>();
  #tails = 0;
  #abort = new AbortController();
  #stops: (() => void)[] = [];
  #restedAt = 0;
  // Pixels of a chart's width, which choose the step.
  width = 500;

  constructor(readonly host: string | null) {
    this.#stops.push(everyTick((now) => this.#tick(now)));
    this.#stops.push(view.watch(() => this.#turn()));
  }

  close(): void {
    this.#abort.abort();
    this.#stops.forEach((stop) => stop());
  }

  // Keeps a viewer fresh until `drop`; it is shown what is still known at once.
  add(viewer: Viewer): void {
    const { id, updateEvery } = viewer;
    let line = this.#lines.get(id);
    if (!line) {
      const known = this.#cache.get(id);
      line = { id, updateEvery, viewers: new Set(), series: null, of: "", wholeAt: 0, tailAt: 0, isAsking: false, ...known };
      this.#lines.set(id, line);
    }
    line.viewers.add(viewer);
    if (line.series) viewer.show(line.series, this.edge());
    soon();
  }

  drop(viewer: Viewer): void {
    const line = this.#lines.get(viewer.id);
    if (!line?.viewers.delete(viewer) || line.viewers.size > 0) return;
    this.#cache.set(line.id, { series: line.series, of: line.of, wholeAt: line.wholeAt });
    this.#lines.delete(line.id);
  }

  get step(): number {
    return stepFor(span(view.value), this.width);
  }

  // The right end of what is shown.
  edge(): number {
    const step = view.value.live ? this.step : 1;
    return Math.ceil(bounds(view.value, lastSecond())[1] / step) * step;
  }

  // The view is another: what was asked for is of no use, and all moves at once.
  #turn(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#tails = 0;
    this.#lines.forEach((line) => (line.isAsking = false));
    this.#restedAt = performance.now() + REST_MS;
    const edge = this.edge();
    this.#lines.forEach(({ viewers }) => viewers.forEach((viewer) => viewer.move(edge)));
    setTimeout(soon, REST_MS + 5);
  }

  #tick(now: number): void {
    if (performance.now() < this.#restedAt) return;
    // What an answer that is still to come should not hold up any longer.
    this.#showFresh();
    const current = view.value;
    const of = `${this.step} ${current.live ? current.seconds : `${current.after} ${current.before}`}`;
    const [whole, tail] = this.#due(current, of, now);
    for (const lines of byUpdateEvery(whole)) this.#askWhole(lines, current, of, now);
    for (const lines of byUpdateEvery(tail)) this.#askTail(lines, now);
    if (current.live) this.#moveIdle();
  }

  // Lines to be asked for as a whole, and for what is new.
  #due(current: View, of: string, now: number): [Line[], Line[]] {
    const [whole, tail]: [Line[], Line[]] = [[], []];
    let again = 0;
    for (const line of this.#lines.values()) {
      if (line.isAsking) continue;
      const step = line.series?.grid.step ?? 1;
      if (line.of !== of || !line.series) whole.push(line);
      else if (!current.live) continue;
      else if (isBehind(line, now)) {
        if (now - line.wholeAt >= Math.max(BEHIND_EVERY_S, step)) whole.push(line);
      } else if (now - line.wholeAt >= Math.max(WHOLE_EVERY_S, step) && again++ < WHOLE_AT_ONCE) whole.push(line);
      else if (now - line.tailAt >= tailEvery(step, line.updateEvery)) tail.push(line);
    }
    return [whole, tail];
  }

  #grid(current: View, updateEvery: number): Grid {
    const step = ownStep(this.step, updateEvery);
    const [after, before] = bounds(current, lastSecond());
    // Of rows that are not put together, the one that is not there yet is not asked for.
    const last = current.live && step === updateEvery ? Math.floor(before / step) * step : before;
    return gridOf(after, last, step);
  }

  #askWhole(lines: Line[], current: View, of: string, now: number): void {
    const grid = this.#grid(current, lines[0]!.updateEvery);
    this.#ask(lines, grid, false, (line, rows) => {
      line.wholeAt = line.tailAt = now;
      line.of = of;
      line.series = rows ? seriesOf(grid, rows) : emptySeries(grid, line.series?.dimensions ?? [], line.series?.newest);
    });
  }

  #askTail(lines: Line[], now: number): void {
    const grid = this.#grid(view.value, lines[0]!.updateEvery);
    const { step } = grid;
    // From the newest row on, which may have been a part of what it is now.
    const frontier = Math.min(...lines.map(({ series }) => series!.times[lastRow(series!)] ?? grid.last));
    const first = Math.min(Math.max(frontier, grid.first), grid.last);
    this.#ask(lines, { step, first, last: grid.last }, true, (line, rows) => {
      line.tailAt = now;
      if (!rows) return;
      if (line.series && isOf(line.series, rows)) line.series = movedOn(line.series, grid, rows);
      else line.wholeAt = 0;
    });
  }

  #ask(lines: Line[], grid: Grid, isTail: boolean, take: (line: Line, rows: Rows | null) => void): void {
    const { signal } = this.#abort;
    const byId = new Map(lines.map((line) => [line.id, line]));
    lines.forEach((line) => (line.isAsking = true));
    for (const ids of batches([...byId.keys()])) {
      if (isTail) this.#tails++;
      askRows(this.host, ids, grid, signal)
        .then((answer) => {
          if (signal.aborted) return;
          ids.forEach((id, place) => {
            const line = byId.get(id)!;
            take(line, answer[place] ?? null);
            this.#fresh.add(line);
          });
        })
        .catch((error) => {
          // Asked again with the next tick; that the node is away is said elsewhere.
          if (!isAbort(error)) console.debug(error);
        })
        .finally(() => {
          if (signal.aborted) return;
          ids.forEach((id) => (byId.get(id)!.isAsking = false));
          if (isTail) this.#tails--;
          if (!isTail || this.#tails === 0) this.#showFresh();
        });
    }
  }

  // With the next frame, all that a tick's calls have brought: what a frame costs depends little on how much is new.
  #showFresh(): void {
    if (this.#fresh.size === 0) return;
    const lines = [...this.#fresh];
    this.#fresh.clear();
    requestAnimationFrame(() => {
      const edge = this.edge();
      for (const { viewers, series } of lines) if (series) viewers.forEach((viewer) => viewer.show(series, edge));
    });
  }

  // Time goes on for what has no new rows, too: its gap grows.
  #moveIdle(): void {
    const edge = this.edge();
    for (const { viewers, series } of this.#lines.values()) {
      if (series && edge - series.grid.last >= Math.max(2 * series.grid.step, 5)) viewers.forEach((viewer) => viewer.move(edge));
    }
  }
}

// The newest second that the node tells of.
function lastSecond(): number {
  return Math.floor(nodeNow()) - 1;
}

function isBehind({ series }: Line, now: number): boolean {
  const row = lastRow(series!);
  return row < 0 || (now - series!.times[row]!) / series!.grid.step > BEHIND_ROWS;
}

// Rows that are put together change while they are not complete.
function tailEvery(step: number, updateEvery: number): number {
  return step > updateEvery ? Math.max(1, step / 10, updateEvery) - 0.5 : updateEvery - 0.5;
}

function byUpdateEvery(lines: Line[]): Line[][] {
  const groups = new Map<number, Line[]>();
  for (const line of lines) {
    const group = groups.get(line.updateEvery);
    if (group) group.push(line);
    else groups.set(line.updateEvery, [line]);
  }
  return [...groups.values()];
}
