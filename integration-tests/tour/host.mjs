// The page of one host, in hand.

import assert from "node:assert/strict";

import { barriers, close, drawn, folder, host, hostPage, open, view, words } from "./browser.mjs";

// One host: live, in one call per tick; paused, moved, zoomed and found again by its address.
export async function charts() {
  const page = await open(hostPage);
  const cpu = await drawn(page, "system.cpu");
  const firstMs = await page.evaluate(() => Math.round(performance.now()));
  console.log(`the first chart was there after ${firstMs} ms at most`);

  const calls = [];
  page.on("request", (request) => request.url().includes("/api/v1/charts_data") && calls.push(request.url()));
  const ticked = () => page.waitForResponse((response) => response.url().includes("/api/v1/charts_data"));
  await ticked();
  calls.length = 0;
  await page.waitForTimeout(5_000);
  assert.ok(calls.length >= 4, `${calls.length} calls in 5 s: it is not live`);
  assert.ok(calls.length <= 20, `${calls.length} calls in 5 s: charts are not asked for together`);
  assert.ok(calls.some((url) => url.split("chart=").length > 3));

  // One cursor on all charts.
  const picture = cpu.locator(".u-over");
  await picture.hover({ position: { x: 200, y: 60 } });
  const places = () => page.$$eval(".chart .cursor:not([hidden])", (all) => all.map((each) => each.style.transform));
  await page.waitForFunction(() => document.querySelectorAll(".chart .cursor:not([hidden])").length > 2);
  assert.ok((await places()).length >= 3);
  await page.screenshot({ path: `${folder}/cursor.png` });

  // Hidden, shown, and alone.
  const entry = cpu.locator(".legend button", { hasText: "user" });
  await entry.click();
  assert.equal(await entry.getAttribute("aria-pressed"), "false");
  await entry.click({ modifiers: ["Shift"] });
  assert.equal(await cpu.locator('.legend button[aria-pressed="true"]').count(), 1);
  await entry.click({ modifiers: ["Shift"] });
  assert.equal(await cpu.locator('.legend button[aria-pressed="false"]').count(), 0);

  // The address says what is hidden.
  await entry.click();
  await page.waitForFunction(() => decodeURIComponent(location.hash).includes("hide=system.cpu:user"));
  await page.reload();
  await drawn(page, "system.cpu");
  assert.equal(await entry.getAttribute("aria-pressed"), "false", "an address hides the same");
  await entry.click();
  await page.waitForFunction(() => !location.hash.includes("hide="));

  // Paused: the address has the stretch, and shows it again.
  await page.keyboard.press("Escape");
  await page.locator("h1").click();
  await page.keyboard.press(" ");
  const paused = view(page);
  assert.ok(Number(paused.before) - Number(paused.after) === 300, words(page));
  const said = await page.locator(".timecontrol .said").textContent();
  await page.reload();
  await drawn(page, "system.cpu");
  assert.deepEqual(view(page), paused);
  assert.equal(await page.locator(".timecontrol .said").textContent(), said);

  // Dragged: all charts move.
  const box = await cpu.locator(".u-over").boundingBox();
  const drag = async (from, to) => {
    await page.mouse.move(box.x + from, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + (from + to) / 2, box.y + 50);
    await page.mouse.move(box.x + to, box.y + 50);
    await page.mouse.up();
  };
  await drag(100, 200);
  const moved = view(page);
  assert.ok(Number(moved.after) < Number(paused.after) - 20, `${words(page)} after ${paused.after}`);
  await page.keyboard.down("Shift");
  await drag(100, 200);
  await page.keyboard.up("Shift");
  const zoomed = view(page);
  assert.ok(Number(zoomed.before) - Number(zoomed.after) < 120, words(page));
  await page.screenshot({ path: `${folder}/zoomed.png` });
  await page.keyboard.press("0");
  await page.waitForFunction(() => location.hash.includes("after=-300"));
  await ticked();

  // The range that one chooses.
  await page.keyboard.press("r");
  assert.deepEqual(await barriers(page), []);
  await page.screenshot({ path: `${folder}/range.png` });
  await page.locator(".presets button", { hasText: "15 min" }).click();
  assert.equal(view(page).after, "-900");
  await drawn(page, "system.cpu");
  await close(page);
}

// Keys, search, themes and the menu of hosts.
export async function hands() {
  const page = await open(hostPage);
  await drawn(page, "system.cpu");
  const all = await page.locator(".chart").count();
  await page.keyboard.press("/");
  await page.keyboard.type("uptime");
  await page.waitForFunction((all) => document.querySelectorAll(".chart").length < all, all);
  await page.screenshot({ path: `${folder}/found.png` });
  await page.keyboard.type(" nothing-like-that");
  await page.locator(".empty").waitFor();
  await page.screenshot({ path: `${folder}/not-found.png` });
  await page.keyboard.press("Escape");

  await page.keyboard.press("?");
  await page.locator(".dialog").waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.screenshot({ path: `${folder}/keys.png` });
  await page.keyboard.press("Escape");
  await page.locator(".dialog").waitFor({ state: "detached" });

  await page.keyboard.press("t");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light", "a choice is kept");

  await page.keyboard.press("a");
  await page.locator('main[data-page="alarms"]').waitFor();
  await page.goBack();
  await page.locator('main[data-page="host"]').waitFor();
  await page.keyboard.press("h");
  await page.locator(".hosts input").waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.screenshot({ path: `${folder}/hosts.png` });
  await page.keyboard.type(host);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === new URL(hostPage).pathname);

  // The node goes away and comes back.
  await page.context().setOffline(true);
  await page.locator(".notice.bad").waitFor({ timeout: 15_000 });
  await page.context().setOffline(false);
  await page.locator(".notice.bad").waitFor({ state: "detached", timeout: 15_000 });
  const complaints = page.complaints().filter((text) => !text.includes("ERR_INTERNET_DISCONNECTED"));
  assert.deepEqual(complaints, []);
  await page.context().close();
}
