import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";

import { age, bytes, count, duration, mark, quantity, short, unitFor } from "../src/units.ts";

test("units are those that fit the size of the values", () => {
  const cases: [string, number, string, number][] = [
    ["KiB/s", 5_300, "MiB/s", 1 / 1_024],
    ["KiB/s", 0.2, "B/s", 1_024],
    ["MiB", 2_900, "GiB", 1 / 1_024],
    ["B", 100, "B", 1],
    ["bytes", 1_048_576, "MiB", 1 / 1_048_576],
    ["kilobits/s", 84_000, "Mbit/s", 1 / 1_000],
    ["kilobits/s", 12, "kbit/s", 1],
    ["MHz", 3_400, "GHz", 1 / 1_000],
    ["seconds", 7_200, "h", 1 / 3_600],
    ["seconds", 0.004, "ms", 1_000],
    ["milliseconds", 1_500, "s", 1 / 1_000],
    ["percentage", 40, "%", 1],
    ["Celsius", 60, "°C", 1],
    ["context switches/s", 21_000, "context switches/s", 1],
    ["milliseconds/s", 2_000, "milliseconds/s", 1],
    ["KiB", 0, "KiB", 1],
    ["KiB", NaN, "KiB", 1],
    ["KiB", -5_300, "MiB", 1 / 1_024],
  ];
  for (const [units, size, label, factor] of cases) {
    const unit = unitFor(units, size);
    equal(unit.label, label, `${size} ${units}`);
    equal(unit.factor.toPrecision(6), factor.toPrecision(6), `${size} ${units}`);
  }
});

test("numbers are short, and say no more than they know", () => {
  const cases: [number | null, string][] = [
    [null, "–"],
    [0, "0"],
    [0.42, "0.42"],
    [0.001, "0.001"],
    [12.345, "12.35"],
    [123.45, "123.5"],
    [1_234.5, "1235"],
    [45_120, "45.12k"],
    [45_120_000, "45.12M"],
    [-3.14159, "-3.14"],
    [999.97, "1000"],
    [2e15, "2.00e+15"],
  ];
  for (const [value, text] of cases) equal(short(value), text);
});

test("marks of an axis have the digits of their step", () => {
  equal(mark(0.3, 0.1, 1), "0.3");
  equal(mark(2.5, 2.5, 10), "2.5");
  equal(mark(20_000, 10_000, 50_000), "20k");
  equal(mark(25_000, 2_500, 50_000), "25.0k");
  equal(mark(0.1 + 0.2 - 0.3, 0.1, 1), "0");
});

test("times and counts read like words", () => {
  deepEqual([0, 45, 60, 90, 300, 5_400, 86_400, 273_600].map(duration), [
    "0 s",
    "45 s",
    "1 min",
    "1 min 30 s",
    "5 min",
    "1 h 30 min",
    "1 d",
    "3 d 4 h",
  ]);
  deepEqual([null, 3, 600, 9_000, 864_000].map(age), ["no data", "3 s", "10 min", "2 h", "10 d"]);
  equal(count(1, "host"), "1 host");
  equal(count(1_200, "host"), "1,200 hosts");
  equal(bytes(1_536), "1.50 KiB");
  equal(quantity(93.5, "percentage"), "93.50%");
});
