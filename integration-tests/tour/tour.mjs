// A person's way through the dashboard, in Debian's Chromium: `node tour.mjs STAGE CHROMIUM ROOT HOST FOLDER`.
//
// Each stage is told apart below. Screenshots stay in FOLDER. What fails is said, and ends the tour.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [stage, executablePath, root, host, folder] = process.argv.slice(2);
const hostPage = `${root}host/${host}/`;
const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const PAGES = { fleet: "", host: `host/${host}/`, alarms: "alarms", node: "node", badges: `host/${host}/badges` };

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });

// A page that must not complain, nor call anybody but its node.
async function open(url, { size = "desk", theme = "dark" } = {}) {
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme: theme,
    hasTouch: size === "phone",
    isMobile: size === "phone",
  });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(`${message.text()} ${message.location().url}`));
  page.on("request", (request) => request.url().startsWith(root) || complaints.push(`called ${request.url()}`));
  page.complaints = () => complaints;
  await page.goto(url);
  return page;
}

async function close(page) {
  assert.deepEqual(page.complaints(), []);
  await page.context().close();
}

// Waits until a chart has been drawn with values, and yields it.
async function drawn(page, chart) {
  const element = page.locator(`.chart[data-chart="${chart}"]`);
  await page.waitForFunction((name) => Number(document.querySelector(`.chart[data-chart="${name}"]`)?.dataset.points) > 0, chart);
  return element;
}

const words = (page) => new URL(page.url()).hash.slice(1);
const view = (page) => Object.fromEntries(new URLSearchParams(words(page)));

// Every page at two sizes in both themes: it shows itself, fits, and all that can be used has a name.
async function everyPage() {
  for (const size of Object.keys(SIZES)) {
    for (const theme of ["light", "dark"]) {
      const page = await open(root, { size, theme });
      for (const [name, path] of Object.entries(PAGES)) {
        await page.goto(root + path);
        await page.locator(`main[data-page="${name}"] h1`).first().waitFor({ state: "attached" });
        if (name === "host") await drawn(page, "system.cpu");
        if (name === "badges") await page.waitForFunction(() => document.querySelector(".preview img")?.naturalWidth > 0);
        await page.waitForTimeout(300);
        await page.screenshot({ path: `${folder}/${name}-${size}-${theme}.png` });
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
        const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(tooWide <= 0, `${name} at ${size} is ${tooWide} pixels too wide`);
        assert.deepEqual(await page.evaluate(nameless), [], `what has no name on ${name} at ${size}`);
      }
      await close(page);
    }
  }
}

// What a screen reader could not call by a name; runs in the page.
function nameless() {
  const named = (element) =>
    element.getAttribute("aria-label") || element.textContent.trim() || element.title || element.labels?.length || element.alt;
  return [...document.querySelectorAll("a, button, input, select, img")]
    .filter((element) => !named(element) && element.getAttribute("alt") !== "")
    .map((element) => element.outerHTML.slice(0, 120));
}

// One host: live, in one call per tick; paused, moved, zoomed and found again by its address.
async function charts() {
  const page = await open(hostPage);
  const cpu = await drawn(page, "system.cpu");
  const firstMs = await page.evaluate(() => Math.round(performance.now()));
  console.log(`the first chart was there after ${firstMs} ms at most`);

  const calls = [];
  page.on("request", (request) => request.url().includes("/api/v1/charts_data") && calls.push(request.url()));
  const ticked = () => page.waitForResponse((response) => response.url().includes("/api/v1/charts_data"));
  await page.waitForTimeout(1_500);
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
  await page.screenshot({ path: `${folder}/range.png` });
  await page.locator(".presets button", { hasText: "15 min" }).click();
  assert.equal(view(page).after, "-900");
  await drawn(page, "system.cpu");
  await close(page);
}

// Keys, search, themes and the menu of hosts.
async function hands() {
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

// A node that wants a token, and one whose registry knows other nodes: their answers are made up here.
async function doors() {
  const page = await open("about:blank");
  const wanted = "Bearer a-token";
  await page.route("**/api/**", (route) =>
    route.request().headers().authorization === wanted ? route.continue() : route.fulfill({ status: 401, body: "no" }),
  );
  await page.goto(hostPage);
  await page.locator(".dialog input").fill("a-wrong-one");
  await page.keyboard.press("Enter");
  await page.locator(".dialog .wrong").waitFor();
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
async function strangers() {
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
async function gone() {
  const page = await open(hostPage);
  await page.locator(".notice", { hasText: "does not stream" }).waitFor({ timeout: 25_000 });
  await page.waitForFunction(() => document.querySelectorAll(".chart.late").length > 2, undefined, { timeout: 25_000 });
  const values = await page.$$eval(".chart.late .legend .value", (all) => all.map((each) => each.textContent));
  assert.deepEqual([...new Set(values)], ["–"], "nothing of it is current");
  await page.screenshot({ path: `${folder}/gone.png` });
  await close(page);
}

// What sixty visible charts cost each second, by the processes of the browser, and when the first chart is there.
async function cost() {
  for (let visit = 0; visit < 3; visit++) {
    const page = await browser.newPage({ viewport: SIZES.desk });
    await page.addInitScript(() => {
      const look = () => {
        if (document.querySelector("[data-points]")) setTimeout(() => (window.firstMs = Math.round(performance.now())));
        else requestAnimationFrame(look);
      };
      look();
    });
    await page.goto(hostPage);
    await page.waitForFunction(() => window.firstMs);
    console.log(`first chart painted after ${await page.evaluate(() => window.firstMs)} ms`);
    await page.close();
  }
  const page = await browser.newPage({ viewport: { width: 2560, height: 1000 } });
  await page.goto(hostPage);
  await drawn(page, "system.cpu");
  const visible = () =>
    page.$$eval(".chart canvas", (all) => all.filter((each) => each.getBoundingClientRect().top < innerHeight).length);
  let height = 1_000;
  for (; (await visible()) < 60; height += 250) {
    assert.ok(height < 20_000, "this host has fewer than 60 charts");
    await page.setViewportSize({ width: 2_560, height });
    await page.waitForTimeout(300);
  }
  await page.waitForTimeout(3_000);
  const session = await browser.newBrowserCDPSession();
  const times = async () => {
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    const sums = {};
    for (const { type, cpuTime } of processInfo) sums[type] = (sums[type] ?? 0) + cpuTime;
    return sums;
  };
  const [before, startedMs] = [await times(), performance.now()];
  await page.waitForTimeout(20_000);
  const [after, seconds] = [await times(), (performance.now() - startedMs) / 1_000];
  const shares = Object.entries(after).map(([type, time]) => [type, (100 * (time - (before[type] ?? 0))) / seconds]);
  console.log(`${await visible()} visible charts, percent of a core: ${shares.map(([type, share]) => `${type} ${share.toFixed(1)}`).join(", ")}`);
}

const STAGES = { everyPage, charts, hands, doors, strangers, gone, cost };
try {
  await STAGES[stage]();
} finally {
  await browser.close();
}
