// Nodes and hosts that are not as one would like them.

import assert from "node:assert/strict";

import { barriers, close, drawn, folder, hostPage, open } from "./browser.mjs";

// A node that wants a token, and one whose registry knows other nodes: their answers are made up here.
export async function doors() {
  const page = await open("about:blank");
  const wanted = "Bearer a-token";
  await page.route("**/api/**", (route) =>
    route.request().headers().authorization === wanted ? route.continue() : route.fulfill({ status: 401, body: "no" }),
  );
  await page.goto(hostPage);
  await page.locator(".dialog input").fill("a-wrong-one");
  await page.keyboard.press("Enter");
  await page.locator(".dialog .wrong").waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.screenshot({ path: `${folder}/token.png` });
  await page.locator(".dialog input").fill("a-token");
  await page.keyboard.press("Enter");
  await drawn(page, "system.cpu");
  await page.reload();
  await drawn(page, "system.cpu");
  assert.equal(await page.locator(".dialog").count(), 0, "a token is kept");
  await page.context().close();

  const second = await open("about:blank");
  const guid = (digit) => `${digit.repeat(8)}-0000-0000-0000-000000000000`;
  const json = (value) => ({ contentType: "application/json", body: JSON.stringify(value) });
  await second.route("**/registry?action=hello", (route) =>
    route.fulfill(json({ action: "hello", status: "ok", hostname: "here", machine_guid: guid("1") })),
  );
  await second.route("**/registry?action=access*", (route) => {
    const urls = [
      [guid("2"), "http://elsewhere.example:19999/", 1, 1, "elsewhere-1"],
      [guid("3"), "javascript:alert(1)", 1, 1, "elsewhere-2"],
    ];
    return route.fulfill(json({ action: "access", status: "ok", urls }));
  });
  await second.goto(hostPage);
  await drawn(second, "system.cpu");
  await second.keyboard.press("h");
  await second.locator(".hosts a", { hasText: "elsewhere-1" }).waitFor();
  assert.equal(await second.locator(".hosts a", { hasText: "elsewhere-2" }).count(), 0, "only pages are linked");
  await second.screenshot({ path: `${folder}/elsewhere.png` });
  await close(second);
}

// Names that are code are only names.
export async function strangers() {
  const page = await open(hostPage);
  await page.locator('.chart[data-chart^="evil."]').scrollIntoViewIfNeeded();
  const card = page.locator('.chart[data-chart^="evil."]');
  await card.locator("h4", { hasText: "<script>" }).waitFor();
  await drawn(page, await card.getAttribute("data-chart"));
  assert.equal(await card.locator("script, img, b").count(), 0);
  await card.screenshot({ path: `${folder}/stranger.png` });
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  await close(page);
}

// A host whose stream ended is not drawn as if it were alive.
export async function gone() {
  const page = await open(hostPage);
  await page.locator(".notice", { hasText: "does not stream" }).waitFor({ timeout: 25_000 });
  await page.waitForFunction(() => document.querySelectorAll(".chart.late").length > 2, undefined, { timeout: 25_000 });
  const values = await page.$$eval(".chart.late .legend .value", (all) => all.map((each) => each.textContent));
  assert.deepEqual([...new Set(values)], ["–"], "nothing of it is current");
  await page.screenshot({ path: `${folder}/gone.png` });
  await close(page);
}
