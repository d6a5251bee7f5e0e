// How pages show themselves.

import assert from "node:assert/strict";

import { SIZES, barriers, close, drawn, folder, host, open, root } from "./browser.mjs";

const PAGES = { fleet: "", host: `host/${host}/`, alarms: "alarms#tab=all", node: "node", badges: `host/${host}/badges` };

// Every page at two sizes in both themes: it shows itself, fits, and all that can be used has a name.
export async function everyPage() {
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
        assert.deepEqual(await barriers(page), [], `what is in the way of somebody on ${name} at ${size}, ${theme}`);
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
