// Calls for rows: one for many charts that have rows equally often.

import { get } from "../api.ts";
import { call } from "../route.ts";
import { rowsOf, type Grid } from "./grid.ts";
import type { Column, Rows } from "./series.ts";

// What `charts_data` says of one chart; `null` for one without rows there.
type Told = {
  id: string;
  newest_s: number;
  start_s: number;
  step_s: number;
  rows: number;
  dimensions: string[];
  columns: Column[];
} | null;

// Bytes of a query, well below what the node takes, and charts in it.
const QUERY_MAX = 6_000;
const CHARTS_MAX = 100;

// Lists of charts that fit in one call each.
export function batches(ids: string[]): string[][] {
  const all: string[][] = [];
  let [current, length]: [string[], number] = [[], 0];
  for (const id of ids) {
    const more = encodeURIComponent(id).length + 7;
    if (current.length === CHARTS_MAX || length + more > QUERY_MAX) {
      all.push(current);
      [current, length] = [[], 0];
    }
    current.push(id);
    length += more;
  }
  if (current.length > 0) all.push(current);
  return all;
}

// The rows of charts on a grid, in their order.
export async function askRows(
  host: string | null,
  ids: string[],
  grid: Grid,
  signal: AbortSignal,
): Promise<(Rows | null)[]> {
  const words = new URLSearchParams({
    after: String(grid.first - grid.step + 1),
    before: String(grid.last),
    points: String(rowsOf(grid)),
    group: "average",
  });
  ids.forEach((id) => words.append("chart", id));
  const { charts } = await get<{ charts: Told[] }>(`${call("v1/charts_data", host)}?${words}`, signal);
  return charts.map((told) => told && taken(told));
}

function taken({ dimensions, newest_s, start_s, step_s, rows, columns }: NonNullable<Told>): Rows {
  return {
    dimensions,
    newest: newest_s,
    times: Array.from({ length: rows }, (_, row) => start_s + row * step_s),
    columns,
  };
}
