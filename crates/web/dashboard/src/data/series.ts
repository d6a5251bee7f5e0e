// Rows of one chart on a grid, dimension by dimension. `null` is a gap.

import { rowsOf, type Grid } from "./grid.ts";

export type Column = (number | null)[];

export interface Series {
  grid: Grid;
  times: number[];
  // Their names.
  dimensions: string[];
  columns: Column[];
  // The second of the chart's newest row, in sight or not; 0 where none is known.
  newest: number;
}

// Rows of one chart as an answer brings them, oldest first; not all of a grid need be there.
export interface Rows {
  dimensions: string[];
  newest: number;
  times: number[];
  columns: Column[];
}

export function emptySeries(grid: Grid, dimensions: string[], newest = 0): Series {
  const rows = rowsOf(grid);
  const times = Array.from({ length: rows }, (_, row) => grid.first + row * grid.step);
  return { grid, times, dimensions, columns: dimensions.map(() => new Array<number | null>(rows).fill(null)), newest };
}

// The rows on a grid.
export function seriesOf(grid: Grid, rows: Rows): Series {
  const series = emptySeries(grid, rows.dimensions, rows.newest);
  put(series, rows);
  return series;
}

function put({ grid, columns, times }: Series, rows: Rows): void {
  rows.times.forEach((time, row) => {
    const place = Math.round((time - grid.first) / grid.step);
    if (place < 0 || place >= times.length) return;
    columns.forEach((column, dimension) => (column[place] = rows.columns[dimension]![row] ?? null));
  });
}

// Whether rows are of the same dimensions, in the same order.
export function isOf(series: Series, { dimensions }: Rows): boolean {
  return dimensions.length === series.dimensions.length && dimensions.every((name, place) => name === series.dimensions[place]);
}

// A series moved to a grid of the same step, with newer rows put in.
export function movedOn(series: Series, grid: Grid, rows: Rows): Series {
  const moved = emptySeries(grid, series.dimensions, rows.newest);
  const shift = Math.round((grid.first - series.grid.first) / grid.step);
  moved.columns.forEach((column, dimension) => {
    const old = series.columns[dimension]!;
    for (let row = 0; row < column.length; row++) column[row] = old[row + shift] ?? null;
  });
  put(moved, rows);
  return moved;
}

// The last row with any value, or -1.
export function lastRow({ columns, times }: Series): number {
  for (let row = times.length - 1; row >= 0; row--) {
    if (columns.some((column) => column[row] !== null)) return row;
  }
  return -1;
}

// Rows without any value, from the first with one to the last: pairs of first and last row.
export function gaps({ columns, times }: Series): [number, number][] {
  const found: [number, number][] = [];
  let start = -1;
  for (let row = 0; row < times.length; row++) {
    const isGap = columns.every((column) => column[row] === null);
    if (isGap && start < 0) start = row;
    if (!isGap && start >= 0) {
      found.push([start, row - 1]);
      start = -1;
    }
  }
  if (start >= 0) found.push([start, times.length - 1]);
  return found;
}

// Whether nothing moves but time: each dimension has one value all along.
export function isCalm({ columns }: Series): boolean {
  return columns.every((column) => column[0] !== null && column.every((value) => value === column[0]));
}

export function isZero(column: Column): boolean {
  return column.every((value) => value === null || value === 0);
}

// Columns put on top of each other, those below zero downwards; a row is a gap where all of it is.
export function stacked(columns: Column[]): Column[] {
  const rows = columns[0]?.length ?? 0;
  const [up, down] = [new Float64Array(rows), new Float64Array(rows)];
  const isGap = Array.from({ length: rows }, (_, row) => columns.every((column) => column[row] === null));
  return columns.map((column) =>
    column.map((value, row) => {
      if (isGap[row]) return null;
      const sums = (value ?? 0) < 0 ? down : up;
      return (sums[row]! += value ?? 0);
    }),
  );
}
