// Alarms: told on every page, listed, looked at with what they watch, and silenced.

import assert from "node:assert/strict";

import { barriers, close, drawn, folder, host, hostPage, open, root, view } from "./browser.mjs";

const KEY = process.env.MANAGEMENT_KEY;
// What the test has the host raise, and on which chart.
const NAME = "long_queue";
const CHART = "desk.queue";

// Of all hosts and of one, what is raised, all and the log; each with its rule and a picture of what it looks at.
export async function alarms() {
  const page = await open(hostPage);
  await drawn(page, "system.cpu");

  // The bar counts what is raised, and leads to it.
  const bells = page.locator(".bells");
  await page.waitForFunction(() => document.querySelector(".bells .alarmcount.critical"), undefined, { timeout: 60_000 });
  assert.match(await bells.textContent(), /Alarms of all hosts: \d+ critical/);
  await bells.click();
  await page.waitForURL((url) => url.pathname === new URL(`${root}alarms`).pathname);
  const raised = page.locator(`.alarmlist li[data-alarm="${NAME}"]`);
  await raised.first().waitFor();
  await page.screenshot({ path: `${folder}/alarms-raised.png` });

  // Of one host: the first of the list is the worst. Its detail has value, rule and levels.
  await page.goto(`${hostPage}alarms`);
  await raised.first().locator("button").click();
  const detail = page.locator(".detail");
  await detail.locator(".facts").waitFor();
  await detail.locator(".alarmchart path.series").first().waitFor({ state: "attached" });
  await detail.locator(".level.critical").waitFor({ state: "attached" });
  await detail.locator(".level.warning").waitFor({ state: "attached" });
  assert.match(await detail.locator(".nowvalue").textContent(), /critical for/);
  assert.match(await detail.locator(".facts").textContent(), /Critical when.*\$this/s);
  await page.waitForFunction(() => location.hash.includes("alarm="));
  const chosen = view(page).alarm;
  assert.deepEqual(await barriers(page), []);
  await page.screenshot({ path: `${folder}/alarm.png` });
  await page.reload();
  await detail.locator(".facts").waitFor();
  assert.equal(view(page).alarm, chosen, "an address shows the same alarm");

  // From the alarm to its chart.
  await detail.locator(".where a").nth(1).click();
  await page.waitForURL((url) => /\/host\/[^/]+\/$/.test(url.pathname) && url.hash.includes("at="));
  await drawn(page, CHART);
  await page.waitForFunction((chart) => {
    const { top, bottom } = document.querySelector(`.chart[data-chart="${chart}"]`).getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  }, CHART);

  // Search, all, and the log of the host.
  await page.goto(`${hostPage}alarms#tab=all`);
  await page.locator(".alarmlist li").first().waitFor();
  await page.locator(".search input").fill(NAME);
  await page.waitForFunction(() => document.querySelectorAll(".alarmlist li").length === 1);
  await page.locator('[role="tab"]', { hasText: "Log" }).click();
  await page.waitForFunction((name) => document.querySelector(".search input")?.value === name, NAME);
  await page.locator(".alarmlist.changes li", { hasText: NAME }).first().waitFor();
  await page.screenshot({ path: `${folder}/alarm-log.png` });
  await close(page);
}

// Silence wants the node's key: one that is wrong is told, with the right one an alarm is silenced and heard again.
export async function silence() {
  const page = await open(`${hostPage}alarms`);
  const raised = page.locator(`.alarmlist li[data-alarm="${NAME}"]`);
  await raised.locator("button").click({ timeout: 60_000 });
  await page.locator(".detail footer button").click();
  const form = page.locator(".silence");
  const field = (label) => form.locator("label", { hasText: label }).locator("input");
  assert.equal(await field("Alarms").inputValue(), NAME);
  assert.equal(await field("Hosts").inputValue(), host);
  await form.locator('input[type="password"]').fill("not-the-key");
  await form.locator("button", { hasText: "What is silenced?" }).click();
  await form.locator(".wrong").waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.screenshot({ path: `${folder}/silence-refused.png` });

  await form.locator('input[type="password"]').fill(KEY);
  await form.locator("button", { hasText: "Silence these" }).click();
  await form.locator(".silencers code", { hasText: NAME }).waitFor();
  assert.equal(await form.locator(".wrong").count(), 0);
  await page.screenshot({ path: `${folder}/silence.png` });
  await page.locator('[role="tab"]', { hasText: "Active" }).click();
  await raised.locator(".about", { hasText: "silenced" }).first().waitFor({ timeout: 30_000 });

  await page.locator('[role="tab"]', { hasText: "Silence" }).click();
  await form.locator("button", { hasText: "End all silence" }).click();
  await form.locator("p", { hasText: "Nothing is silenced." }).waitFor();
  const complaints = page.complaints().filter((text) => !text.includes("manage/health"));
  assert.deepEqual(complaints, [], "only the wrong key is complained of");
  assert.ok(!(await page.content()).includes(KEY), "the key is nowhere in the page");
  await page.context().close();
}
