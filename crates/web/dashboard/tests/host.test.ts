import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";

import { niceStep, reach, timeMarks, valueMarks, valueTexts } from "../src/host/axis.ts";
import { arrange, matches, titleOf, type Chart } from "../src/host/charts.ts";

function chart(id: string, more: Partial<Chart> = {}): Chart {
  return {
    id,
    name: id,
    type: id.split(".")[0]!,
    family: "",
    context: id,
    title: `A title (${id})`,
    units: "things",
    chart_type: "line",
    priority: 1_000,
    update_every: 1,
    first_entry: 0,
    last_entry: 0,
    dimensions: {},
    ...more,
  };
}

test("an axis ends at round numbers, holds zero, and stands off a line that is far from it", () => {
  deepEqual(reach(0, 93, false), [0, 100]);
  deepEqual(reach(0, 100.2, false, 100), [0, 100], "shares end at the whole");
  deepEqual(reach(0, 140, false, 100), [0, 160], "those of many processors do not");
  deepEqual(reach(-40, 60, false), [-60, 80]);
  deepEqual(reach(0, 0, false), [0, 1]);
  deepEqual(reach(Infinity, -Infinity, true), [0, 1]);
  const [low, high] = reach(1_000, 1_010, true);
  ok(low > 990 && low <= 1_000 && high >= 1_010 && high < 1_020, `${low} to ${high}`);
  equal(reach(1_000, 1_010, false)[0], 0, "an area stands on zero");
  const [least, most] = reach(5, 5, true);
  ok(least < 5 && most > 5);
});

test("marks of values are round in the unit that is shown", () => {
  equal(niceStep(97, 5), 20);
  deepEqual(valueMarks(0, 4_096, 1 / 1_024, 150), [0, 1_024, 2_048, 3_072, 4_096]);
  deepEqual(valueTexts([0, 1_024, 2_048], 1 / 1_024), ["0", "1", "2"]);
});

test("marks of times are round, in order and not too many", () => {
  for (const span of [10, 60, 300, 3_600, 86_400, 2_592_000]) {
    const marks = timeMarks(1_795_387_683, 1_795_387_683 + span, 500);
    ok(marks.length >= 1 && marks.length <= 6, `${span}: ${marks}`);
    deepEqual(marks, marks.toSorted((a, b) => a - b));
  }
});

test("sections, families and charts stand in the order of their most important chart", () => {
  const sections = arrange([
    chart("disk_ops.sda", { family: "sda", priority: 2_001 }),
    chart("disk.sdb", { family: "sdb", priority: 2_000 }),
    chart("disk.sda", { family: "sda", priority: 2_000 }),
    chart("system.ram", { family: "ram", priority: 200 }),
    chart("system.cpu", { family: "cpu", priority: 100 }),
    chart("cgroup_web.cpu", { family: "cpu", priority: 40_000 }),
    chart("odd.thing"),
  ]);
  deepEqual(
    sections.map(({ name, count, families }) => [name, count, families.map(({ name }) => name)]),
    [
      ["System", 2, ["cpu", "ram"]],
      ["odd", 1, ["odd"]],
      ["Disks", 3, ["sda", "sdb"]],
      ["Control groups", 1, ["web"]],
    ],
  );
  deepEqual(sections[2]!.families[0]!.charts.map(({ id }) => id), ["disk.sda", "disk_ops.sda"]);
});

test("a chart is found by words of all that it says of itself", () => {
  const one = chart("system.cpu", { family: "cpu", title: "Processor time (system.cpu)", dimensions: { u: { name: "user" } } });
  for (const words of [[], ["cpu"], ["processor", "user"], ["things"]]) ok(matches(one, words), words.join());
  ok(!matches(one, ["cpu", "disk"]));
  equal(titleOf(one), "Processor time");
});
