// What a host does as a whole, out of the rows of a few charts.

import { lastRow, type Column, type Series } from "../data/series.ts";
import type { Chart } from "./charts.ts";

export type Rule =
  // The sum of all dimensions, in percent.
  | "sum"
  // In percent, what is not free of all.
  | "used"
  // The first dimension.
  | "first"
  // The first dimension comes in, the second goes out.
  | "flows";

export interface Vital {
  name: string;
  rule: Rule;
  // Charts that tell it; the first that a host has.
  charts: string[];
  // What comes in and goes out is called so.
  ways?: [string, string];
}

export const VITALS: Vital[] = [
  { name: "CPU", rule: "sum", charts: ["system.cpu"] },
  { name: "RAM", rule: "used", charts: ["system.ram"] },
  { name: "Load", rule: "first", charts: ["system.load"] },
  { name: "Network", rule: "flows", charts: ["system.net", "system.ip", "system.ipv4"], ways: ["in", "out"] },
  { name: "Disks", rule: "flows", charts: ["system.io"], ways: ["read", "written"] },
];

// Memory that is there for whoever wants it, on any system.
const FREE = new Set(["free", "cached", "buffers", "cache", "inactive", "laundry", "available"]);
// Points of a curve.
export const POINTS = 60;

export interface Reading {
  // What the rule makes of a row, one number or two; `null` where the row has none.
  values: (number | null)[];
  // The largest of each in sight.
  tops: number[];
  // For flows, the last rows in a few points, largest values of each kept.
  curves: (number | null)[][];
}

export function chartOf({ charts }: Vital, byId: Map<string, Chart>): Chart | undefined {
  return charts.map((id) => byId.get(id)).find((chart) => chart !== undefined);
}

// Processors that have a chart of their own.
export function coresOf(charts: Chart[]): number {
  return charts.filter(({ id }) => /^cpu\.cpu\d+$/.test(id)).length;
}

// What rows tell of a vital: at a row, or at the newest one.
export function reading(rule: Rule, series: Series, row = lastRow(series)): Reading {
  const told = columnsOf(rule, series);
  const flows = rule === "flows";
  return {
    values: told.map((column) => column[row] ?? null),
    tops: told.map((column) => column.reduce<number>((most, value) => Math.max(most, value ?? 0), 0)),
    curves: flows ? told.map(curve) : [],
  };
}

function columnsOf(rule: Rule, { dimensions, columns }: Series): Column[] {
  const rows = (columns[0] ?? []).map((_, row) => row);
  if (rule === "flows") return columns.slice(0, 2).map((column) => column.map((value) => value && Math.abs(value)));
  if (rule === "first") return columns.slice(0, 1);
  return [rows.map((row) => (rule === "sum" ? sum(columns, row) : used(dimensions, columns, row)))];
}

function sum(columns: Column[], row: number): number | null {
  if (columns.every((column) => column[row] === null)) return null;
  return columns.reduce((all, column) => all + Math.abs(column[row] ?? 0), 0);
}

function used(dimensions: string[], columns: Column[], row: number): number | null {
  const all = sum(columns, row);
  const free = sum(columns.filter((_, place) => FREE.has(dimensions[place]!)), row) ?? 0;
  return all === null || all === 0 ? null : (100 * (all - free)) / all;
}

function curve(column: Column): (number | null)[] {
  const each = Math.max(1, Math.ceil(column.length / POINTS));
  const points: (number | null)[] = [];
  for (let end = column.length; end > 0; end -= each) {
    const there = column.slice(Math.max(0, end - each), end).filter((value) => value !== null);
    points.unshift(there.length > 0 ? Math.max(...there) : null);
  }
  return points;
}
