// What all stages share: the browser, a page that must not complain, and what is waited for.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [, executablePath] = process.argv.slice(2);
export const [root, host, folder] = process.argv.slice(4);
export const hostPage = `${root}host/${host}/`;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

export const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });

// A page that must not complain, nor call anybody but its node.
export async function open(url, { size = "desk", theme = "dark" } = {}) {
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

export async function close(page) {
  assert.deepEqual(page.complaints(), []);
  await page.context().close();
}

// Waits until a chart has been drawn with values, and yields it.
export async function drawn(page, chart) {
  const element = page.locator(`.chart[data-chart="${chart}"]`);
  await page.waitForFunction((name) => Number(document.querySelector(`.chart[data-chart="${name}"]`)?.dataset.points) > 0, chart);
  return element;
}

export const words = (page) => new URL(page.url()).hash.slice(1);
export const view = (page) => Object.fromEntries(new URLSearchParams(words(page)));

// What axe finds: contrast, roles, names and order, by the rules of WCAG 2.2 AA.
export async function barriers(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    window.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"] }),
  );
  return violations.flatMap(({ id, nodes }) => nodes.slice(0, 4).map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary.split("\n")[1]?.trim()}`));
}
