// The list of all hosts, and badges.

import assert from "node:assert/strict";

import { close, drawn, folder, host, hostPage, open, root, view } from "./browser.mjs";

const PROBE = `${host}-probe`;

// Found, ordered and grouped by a label; and the address shows the same again.
export async function fleet() {
  const page = await open(root);
  const line = (name) => page.locator(`a[data-host="${name}"][data-line]`);
  const own = (name) => page.locator(".hostlist .line", { has: line(name) });
  const listed = (count) => page.waitForFunction((count) => document.querySelectorAll(".hostlist a[data-host]").length === count, count);
  await line(PROBE).waitFor();
  const all = await page.locator(".hostlist a[data-host]").count();
  await own(host).locator(".vital.cpu", { hasText: /\d%/ }).waitFor();
  assert.match(await own(host).locator(".status").textContent(), /live/);
  assert.match(await own(host).locator(".path").textContent(), /via /);

  // Words are looked for in names, GUIDs and labels; the address has them.
  const guid = await line(host).getAttribute("title");
  await page.keyboard.press("/");
  await page.keyboard.type(guid);
  await listed(1);
  await page.waitForFunction((guid) => location.hash.includes(`q=${guid}`), guid);
  await page.reload();
  await line(host).waitFor();
  await listed(1);
  await page.locator('.search input[type="search"]').fill("room:cellar");
  await line(PROBE).waitFor();
  await listed(1);
  await page.keyboard.press("Escape");
  await listed(all);

  // Sorted by a column, and back to front.
  const column = page.locator('[data-column="cpu"]');
  await column.locator("button").click();
  assert.equal(await column.getAttribute("aria-sort"), "descending");
  await column.locator("button").click();
  assert.equal(await column.getAttribute("aria-sort"), "ascending");
  await column.locator("button").click();
  await page.waitForFunction(() => location.hash.includes("sort=-cpu"));
  await page.screenshot({ path: `${folder}/fleet-sorted.png` });

  // Grouped by a label: those without it stand together, too. A group closes and opens.
  await page.locator("select").first().selectOption("label:room");
  await page.waitForFunction(() => location.hash.includes("group="));
  await page.reload();
  const heading = (text) => page.locator(".hostlist .heading", { hasText: text });
  await heading("cellar").waitFor();
  await heading("(none)").waitFor();
  assert.deepEqual([view(page).sort, view(page).group], ["-cpu", "label:room"]);
  assert.equal(await column.getAttribute("aria-sort"), "descending");
  await page.screenshot({ path: `${folder}/fleet-grouped.png` });
  await heading("cellar").locator("button").click();
  await line(PROBE).waitFor({ state: "detached" });
  assert.equal(await heading("cellar").locator("button").getAttribute("aria-expanded"), "false");
  await heading("cellar").locator("button").click();
  await line(PROBE).waitFor();

  // By keyboard: down the lines, and into a host.
  await line(host).focus();
  await page.keyboard.press("ArrowUp");
  await page.waitForFunction((host) => document.activeElement?.dataset.line !== undefined && document.activeElement.dataset.host !== host, host);
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction((host) => document.activeElement?.dataset.host === host, host);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === new URL(hostPage).pathname);
  await drawn(page, "system.cpu");
  await close(page);
}

// Badges: what is chosen is drawn, and what is copied says the same.
export async function badges() {
  const page = await open(`${hostPage}badges`);
  const choice = (label) => page.locator(`.maker label:has(> span:text-is("${label}")) :is(select, input)`);
  const address = page.locator(".copied input").first();
  const shown = async (...words) => {
    await page.waitForFunction((words) => words.every((word) => document.querySelector(".copied input")?.value.includes(word)), words);
    await page.waitForFunction(() => document.querySelector(".preview img")?.complete && document.querySelector(".preview img").naturalWidth > 0);
  };
  await shown("badge.svg?chart=system.cpu");
  await choice("Chart").selectOption("system.load");
  await choice("Dimension").selectOption("load15");
  await choice("Of the").selectOption("300");
  await choice("As").selectOption("max");
  await choice("Label").fill('"quoted" <b>load</b>');
  await shown("chart=system.load", "dimensions=load15", "after=-300", "group=max");
  const [url, markdown, html] = await page.$$eval(".copied input", (all) => all.map((each) => each.value));
  assert.ok(markdown.includes(url), markdown);
  assert.ok(!html.includes("<b>"), html);
  const badge = await page.request.get(url);
  assert.match(badge.headers()["content-type"], /svg/);
  assert.match(await badge.text(), /&lt;b&gt;load/);
  await page.screenshot({ path: `${folder}/badge.png` });
  await page.reload();
  await shown("chart=system.load", "group=max");
  assert.equal(await address.inputValue(), url, "an address makes the same badge");
  await close(page);
}
