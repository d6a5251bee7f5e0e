import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";

import { bounds, fixed, live, moved, paused, playing, read, write, zoomed, type View } from "../src/view.ts";

const NOW = 1_795_387_680;

test("an address and a view say the same", () => {
  const views: View[] = [live(300), live(86_400), fixed(NOW - 600, NOW - 300)];
  for (const view of views) deepEqual(read(write(view, "")), view);
  equal(write(live(60), "#after=-300&at=disks"), "#after=-60&at=disks");
  equal(write(fixed(NOW - 60, NOW), "#after=-300&before=0"), `#after=${NOW - 60}&before=${NOW}`);
});

test("an address that means nothing shows the last five minutes", () => {
  for (const hash of ["", "#", "#after=", "#after=x", "#after=300", "#after=-1e9", "#after=5&before=2", `#after=${NOW}`]) {
    deepEqual(read(hash), live(300), hash);
  }
  deepEqual(read("#after=-1"), live(10), "a view is never shorter than that");
  deepEqual(read("#after=-900&before=0"), live(900), "as the API has it");
});

test("a live view stands still when it is paused or moved, and goes on with the same length", () => {
  deepEqual(paused(live(300), NOW), { live: false, after: NOW - 300, before: NOW });
  deepEqual(playing(fixed(NOW - 900, NOW - 300)), live(600));
  deepEqual(moved(live(300), -0.5, NOW), { live: false, after: NOW - 450, before: NOW - 150 });
});

test("nothing is moved or zoomed beyond now", () => {
  const near = fixed(NOW - 310, NOW - 10);
  deepEqual(bounds(moved(near, 0.5, NOW), NOW), [NOW - 300, NOW]);
  deepEqual(bounds(zoomed(near, 4, NOW), NOW), [NOW - 1_200, NOW]);
});

test("zooming keeps the moment under the pointer where it is", () => {
  const view = fixed(NOW - 1_000, NOW - 600);
  deepEqual(bounds(zoomed(view, 0.5, NOW, 0.25), NOW), [NOW - 950, NOW - 750]);
  deepEqual(zoomed(live(300), 0.5, NOW), live(150));
});
