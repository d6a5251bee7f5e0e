// A person's way through the dashboard, in Debian's Chromium: `node tour.mjs STAGE CHROMIUM ROOT HOST FOLDER`.
//
// Each stage is told apart in its file. Screenshots stay in FOLDER. What fails is said, and ends the tour.

import { browser } from "./browser.mjs";
import * as alarms from "./alarms.mjs";
import * as cost from "./cost.mjs";
import * as fleet from "./fleet.mjs";
import * as host from "./host.mjs";
import * as node from "./node.mjs";
import * as pages from "./pages.mjs";
import * as strange from "./strange.mjs";

const STAGES = { ...pages, ...host, ...fleet, ...alarms, ...node, ...strange, ...cost };
try {
  await STAGES[process.argv[2]]();
} finally {
  await browser.close();
}
