// The node about itself.

import assert from "node:assert/strict";

import { barriers, close, folder, host, open, root } from "./browser.mjs";

const SECRETS = (process.env.SECRETS ?? "").split(" ").filter(Boolean);

// What comes in, with rates once it was counted twice; what is kept; where it archives; settings without secrets.
export async function thisNode() {
  const page = await open(`${root}node`);
  const stream = page.locator(".streamlist .line", { has: page.locator(`[data-stream="${host}"]`) });
  await stream.filter({ hasText: /\d\/s/ }).waitFor();
  const cells = await stream.locator('[role="cell"]').allTextContents();
  assert.match(cells[1], /open/);
  assert.match(cells[4], /\d : 1/, "how well it is packed");
  assert.match(cells[5], /^\d+ s$/, "how far it lags");
  assert.match(cells[6], /^[\d,.k]+$/, "rows that were replicated");
  assert.match(cells[7], /^0$/, "rows that were lost");
  await page.locator(".nodecard", { hasText: "Rows in memory" }).waitFor();
  const archive = page.locator('[data-backend="archive"]');
  await archive.locator("h3", { hasText: "does not answer" }).waitFor({ timeout: 40_000 });
  assert.match(await archive.textContent(), /Destination127\.0\.0\.1:1/);
  assert.match(await archive.textContent(), /Waiting\d+ window.*Last failure.*refused/s);
  await page.screenshot({ path: `${folder}/node-streams.png` });

  // Found by name, sorted by a column.
  await page.locator('[aria-label="Search streams"]').fill("nothing is called so");
  await page.waitForFunction(() => document.querySelectorAll("[data-stream]").length === 0);
  await page.locator('[aria-label="Search streams"]').fill(host);
  await stream.waitFor();
  const rows = page.locator('[role="columnheader"]', { hasText: "Rows" });
  await rows.locator("button").click();
  assert.equal(await rows.getAttribute("aria-sort"), "descending");

  await page.locator(".settings summary").click();
  const settings = page.locator(".settings pre");
  await settings.waitFor();
  assert.match(await settings.textContent(), /\[api_keys\./);
  assert.doesNotMatch(await settings.textContent(), /update_every/, "what is at its default is left out");
  assert.deepEqual(await barriers(page), []);
  await page.screenshot({ path: `${folder}/node-settings.png` });
  await page.locator(".settings label", { hasText: "Only what was set" }).click();
  assert.match(await settings.textContent(), /# update_every = /);
  assert.ok(SECRETS.length > 0);
  const content = await page.content();
  for (const secret of SECRETS) assert.ok(!content.includes(secret), "a secret is shown");
  await close(page);
}

// A node that sends on: the same of its streams out.
export async function sender() {
  const page = await open(`${root}node#streams=out`);
  const stream = page.locator(".streamlist .line", { has: page.locator(`[data-stream="${host}"]`) });
  await stream.filter({ hasText: /\d\/s/ }).waitFor();
  assert.equal(await page.locator('[role="tab"]', { hasText: "Streams out" }).getAttribute("aria-selected"), "true");
  await page.screenshot({ path: `${folder}/node-out.png` });
  await page.locator('[role="tab"]', { hasText: "Streams in" }).click();
  await stream.waitFor();
  await page.waitForFunction(() => !location.hash.includes("streams="));
  await close(page);
}
