// What an overview makes of rows: sums, shares, what flows, and nothing where nothing is known.

import assert from "node:assert/strict";
import { test } from "node:test";

import { seriesOf } from "../src/data/series.ts";
import type { Chart } from "../src/host/charts.ts";
import { POINTS, VITALS, chartOf, coresOf, reading } from "../src/host/vitals.ts";

function series(dimensions: string[], columns: (number | null)[][]) {
  const rows = columns[0]!.length;
  const times = Array.from({ length: rows }, (_, row) => 100 + row);
  return seriesOf({ step: 1, first: 100, last: 99 + rows }, { dimensions, newest: 99 + rows, times, columns });
}

test("a processor's share is the sum of what it does", () => {
  const rows = series(["user", "system"], [[10, 30, null], [5, null, null]]);
  assert.deepEqual(reading("sum", rows).values, [30], "the newest row that is there");
  assert.deepEqual(reading("sum", rows, 0).values, [15]);
  assert.deepEqual(reading("sum", rows, -1).values, [null], "a chart that is late has no current value");
  assert.deepEqual(reading("sum", rows).tops, [30]);
});

test("memory is used where nobody else could have it", () => {
  assert.deepEqual(reading("used", series(["free", "used", "cached", "buffers"], [[10], [25], [60], [5]])).values, [25]);
  assert.deepEqual(reading("used", series(["free"], [[0]])).values, [null]);
});

test("what flows is told without its sign, with curves of few points that keep the peaks", () => {
  const many = Array.from({ length: 300 }, (_, row) => (row === 123 ? 900 : 1));
  const { values, tops, curves } = reading("flows", series(["in", "out"], [many, many.map((value) => -value)]));
  assert.deepEqual([values, tops], [[1, 1], [900, 900]]);
  assert.deepEqual(curves.map((points) => [points.length, Math.max(...points.map(Number))]), [[POINTS, 900], [POINTS, 900]]);
  assert.deepEqual(reading("flows", series(["in"], [[null]])).curves, [[null]]);
});

test("the first chart that a host has tells a vital", () => {
  const charts = ["system.ipv4", "system.ip", "cpu.cpu0", "cpu.cpu1", "cpu.cpu1_freq"].map((id) => ({ id }) as Chart);
  const byId = new Map(charts.map((chart) => [chart.id, chart]));
  const network = VITALS.find(({ name }) => name === "Network")!;
  assert.equal(chartOf(network, byId)?.id, "system.ip");
  assert.equal(coresOf(charts), 2);
});
