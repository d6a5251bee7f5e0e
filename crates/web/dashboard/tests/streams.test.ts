import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";

import { ordered, Rates, streams, type Carried, type StreamsAnswer } from "../src/node/streams.ts";

function carried(rows: number): Carried {
  return { connected: 1, streams: 1, reconnects: 0, rows, rows_replicated: 0, rows_lost: rows % 3, bytes: rows * 10, text_bytes: rows * 100 };
}

function answer(now: number, a: number, b: number | null): StreamsAnswer {
  const of = (name: string, rows: number | null) => ({
    guid: name,
    hostname: name,
    hops: 1,
    lag_s: 1,
    in: rows === null ? null : carried(rows),
    out: null,
  });
  return { now_s: now, totals: { in: carried(a + (b ?? 0)), out: carried(0) }, hosts: [of("a", a), of("b", b)] };
}

test("a rate is what two counts differ by, over the last ten seconds", () => {
  const rates = new Rates();
  rates.note(answer(0, 0, null), 0);
  equal(rates.rate("in a", "rows"), null);
  rates.note(answer(5, 500, 7), 5_000);
  deepEqual([rates.rate("in a", "rows"), rates.rate("in a", "bytes"), rates.rate("in b", "rows")], [100, 1_000, null]);
  rates.note(answer(15, 500, 7), 15_000);
  rates.note(answer(25, 500, 7), 25_000);
  equal(rates.rate("in a", "rows"), 0);
  // The node began to count anew.
  rates.note(answer(30, 3, 7), 30_000);
  equal(rates.rate("in a", "rows"), 0);
});

test("only streams of the direction are shown, in the order of a column", () => {
  const rates = new Rates();
  const known = answer(0, 4, 5);
  deepEqual(streams(known, "out", rates), []);
  const all = streams(known, "in", rates);
  deepEqual(all.map(({ ratio, lost }) => [ratio, lost]), [[10, 1], [10, 2]]);
  deepEqual(ordered(all, "lost", true).map(({ guid }) => guid), ["b", "a"]);
  deepEqual(ordered(all, "rowsRate", true).map(({ guid }) => guid), ["a", "b"]);
});
