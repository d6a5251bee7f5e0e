// What is hidden is told by the address and understood again, whatever things are called.

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";

import { parse, write } from "../src/host/hidden.ts";

test("what is hidden goes through an address", () => {
  const hidden: [string, string[]][] = [["system.cpu", ["nice", "i/o wait"]], ["odd;chart", ["a,b", "c:d", "100%", "%2C"]], ["none.at.all", []]];
  equal(write(hidden.slice(0, 1)), "system.cpu:nice,i/o wait");
  deepEqual(parse(write(hidden)), hidden.slice(0, 2));
  deepEqual(parse(""), []);
  deepEqual(parse("nonsense;:x;y:"), []);
  deepEqual(parse("a:%E0%A4%A"), [["a", ["%E0%A4%A"]]], "what is no text stays as it is");
});
