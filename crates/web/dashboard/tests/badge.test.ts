import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";

import { START, heard, html, markdown, query, said } from "../src/badges/badge.ts";

test("the address of a badge says what differs from what the node does anyway", () => {
  const wish = { ...START, chart: "system.cpu", refresh: false };
  equal(query({ ...wish, seconds: 0 }), "chart=system.cpu");
  equal(query(wish), "chart=system.cpu&after=-60");
  equal(
    query({ ...wish, dimension: "user", group: "max", colour: "red>90|green", label: "a & b", scale: " 150 " }),
    "chart=system.cpu&dimensions=user&after=-60&group=max&value_color=red%3E90%7Cgreen&label=a+%26+b&scale=150",
  );
  equal(query({ ...wish, alarm: "cpu_high", refresh: true }), "chart=system.cpu&alarm=cpu_high&refresh=auto");
});

test("names that are code stay names where they are pasted", () => {
  equal(html("http://x/?a=1&b=2", '"><script>'), '<img src="http://x/?a=1&#38;b=2" alt="&#34;&#62;&#60;script&#62;">');
  equal(markdown("http://x/", "a] (b"), "![a\\] (b](http://x/)");
});

test("an address says what is not as at the start, and is understood again", () => {
  const wish = { ...START, chart: "system.load", seconds: 0, label: "a & b", refresh: false };
  const words = new URLSearchParams(said(wish).flatMap(([name, text]) => (text === null ? [] : [[name, text]])));
  deepEqual([...words.keys()].sort(), ["chart", "label", "refresh", "seconds"]);
  deepEqual(heard((name) => words.get(name)), wish);
  equal(heard((name) => (name === "seconds" ? "many" : null)).seconds, 0);
});
