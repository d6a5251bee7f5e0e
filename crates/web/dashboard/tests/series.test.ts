import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";

import { batches } from "../src/data/ask.ts";
import { gridOf, ownStep, rowsOf, stepFor } from "../src/data/grid.ts";
import { emptySeries, gaps, isCalm, isOf, isZero, lastRow, movedOn, seriesOf, stacked, type Rows } from "../src/data/series.ts";

const rows = (times: number[], ...columns: (number | null)[][]): Rows => ({
  dimensions: columns.map((_, place) => `d${place}`),
  newest: times.at(-1) ?? 0,
  times,
  columns,
});

test("five minutes have a row each second; longer stretches as many as there is room for", () => {
  for (const pixels of [200, 500, 1_000]) equal(stepFor(300, pixels), 1);
  for (const [span, pixels] of [
    [3_600, 500],
    [86_400, 300],
    [86_400 * 30, 900],
  ] as const) {
    const rows = span / stepFor(span, pixels);
    ok(rows <= Math.max(310, pixels / 1.5) && rows > 60, `${span} s on ${pixels} pixels: ${rows}`);
  }
});

test("a chart's step is a multiple of its own", () => {
  deepEqual([ownStep(1, 1), ownStep(1, 10), ownStep(15, 10), ownStep(60, 5), ownStep(1, 0)], [1, 10, 20, 60, 1]);
});

test("a grid covers the stretch with whole steps", () => {
  deepEqual(gridOf(100, 160, 10), { step: 10, first: 110, last: 160 });
  deepEqual(gridOf(103, 158, 10), { step: 10, first: 110, last: 160 });
  equal(rowsOf(gridOf(100, 160, 10)), 6);
  equal(rowsOf(gridOf(100, 100, 10)), 1, "even one without length has a row");
});

test("rows are put where their time is, and what is missing is a gap", () => {
  const series = seriesOf({ step: 5, first: 100, last: 120 }, rows([95, 105, 115, 125], [1, 2, 3, 4]));
  deepEqual(series.times, [100, 105, 110, 115, 120]);
  deepEqual(series.columns, [[null, 2, null, 3, null]]);
  deepEqual(gaps(series), [
    [0, 0],
    [2, 2],
    [4, 4],
  ]);
  equal(lastRow(series), 3);
  equal(lastRow(emptySeries(series.grid, ["a"])), -1);
});

test("a series moves on: old rows go, newer ones come, and one that was a part is replaced", () => {
  const old = seriesOf({ step: 1, first: 1, last: 4 }, rows([1, 2, 3, 4], [1, 2, 3, 4]));
  const moved = movedOn(old, { step: 1, first: 3, last: 6 }, rows([4, 5], [40, 50]));
  deepEqual(moved.times, [3, 4, 5, 6]);
  deepEqual(moved.columns, [[3, 40, 50, null]]);
  const jumped = movedOn(old, { step: 1, first: 10, last: 12 }, rows([], []));
  deepEqual(jumped.columns, [[null, null, null]]);
});

test("rows of other dimensions are not of a series", () => {
  const series = seriesOf({ step: 1, first: 1, last: 2 }, rows([1, 2], [1, 2], [3, 4]));
  ok(isOf(series, rows([2], [1], [2])));
  ok(!isOf(series, rows([2], [1])));
});

test("what is stacked grows away from zero on both sides, and a row without values stays a gap", () => {
  deepEqual(stacked([[1, 2, null], [3, null, null], [-1, -2, null], [-4, 1, null]]), [
    [1, 2, null],
    [4, 2, null],
    [-1, -2, null],
    [-5, 3, null],
  ]);
  deepEqual(stacked([]), []);
});

test("a column that says nothing but zero is told", () => {
  ok(isZero([0, null, 0]));
  ok(!isZero([0, 0.1]));
});

test("nothing moves on a chart whose values all stay the same, and a gap is no value", () => {
  const grid = { step: 1, first: 1, last: 3 };
  ok(isCalm(seriesOf(grid, rows([1, 2, 3], [0, 0, 0], [5, 5, 5]))));
  ok(!isCalm(seriesOf(grid, rows([1, 2, 3], [0, 0, 0], [5, 5, 6]))));
  ok(!isCalm(seriesOf(grid, rows([2, 3], [0, 0]))));
});

test("calls for many charts are as few as fit", () => {
  const ids = Array.from({ length: 250 }, (_, place) => `disk_ops.a-device-with-a-name-${place}`);
  const all = batches(ids);
  deepEqual(all.flat(), ids);
  for (const batch of all) ok(batch.length <= 100 && batch.join("&chart=").length < 7_000);
  deepEqual(batches([]), []);
});
