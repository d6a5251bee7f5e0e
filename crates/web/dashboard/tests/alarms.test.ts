import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";

import { plain } from "../src/alarms/alarms.ts";
import { thresholds } from "../src/alarms/thresholds.ts";

test("expressions are text again, whatever they escape", () => {
  equal(plain("$this &gt; 5 &amp;&amp; &quot;&lt;b&gt;&quot; &#x2F; &amp;lt;"), '$this > 5 && "<b>" / &lt;');
  equal(plain(undefined), "");
});

test("thresholds are the numbers that the value is compared with, as the status has it", () => {
  const usual = "$this > (($status >= $WARNING) ? (75) : (85))";
  deepEqual(thresholds(usual, "CLEAR"), [{ value: 85, above: true }]);
  deepEqual(thresholds(usual, "CRITICAL"), [{ value: 75, above: true }]);
  deepEqual(thresholds("$this < 5.5 || $this > ( 90 )", "CLEAR"), [
    { value: 5.5, above: false },
    { value: 90, above: true },
  ]);
  deepEqual(thresholds("$this > $other AND nonsense", "CLEAR"), []);
});
