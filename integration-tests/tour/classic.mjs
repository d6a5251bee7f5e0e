// A dashboard of Netdata's, at a node that serves it: `node classic.mjs CHROMIUM FOLDER ROOT DASHBOARD HOST…`.
//
// DASHBOARD is where it is below the pages of the node and of each HOST: nothing, or `old/`. Screenshots stay in FOLDER.
// What fails is said, and ends the visit.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [executablePath, folder, root, dashboard, ...hosts] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });

// Until it has been given its cookie, the registry sends the browser round once more, which the old dashboard logs as
// an error wherever it runs: that is how it learns whether cookies are kept.
const isHandshake = (text) => text === `ERROR 409: Cannot ACCESS netdata registry: ${new URL(root).origin} responded with: ${
  JSON.stringify({ status: "redirect", registry: new URL(root).origin })}`;

// A page that asks its maker for news, in vain, and of which all else must be well.
async function open(url) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const [complaints, calls] = [[], []];
  const isOurs = (address) => address.startsWith(root);
  await page.route((address) => !isOurs(address.href), (route) => route.abort());
  page.on("pageerror", (error) => complaints.push(error.stack));
  page.on("console", (message) => {
    const [text, { url: source }] = [message.text(), message.location()];
    const isError = message.type() === "error" || text.startsWith("ERROR ");
    if (isError && (isOurs(source) || source === "") && !isHandshake(text)) complaints.push(`${text} ${source}`);
  });
  page.on("requestfailed", (request) => {
    // What it no longer wants, it breaks off itself.
    const why = request.failure()?.errorText;
    if (isOurs(request.url()) && why !== "net::ERR_ABORTED") complaints.push(`${why} ${request.url()}`);
  });
  page.on("response", (response) => {
    calls.push(response.url());
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(url);
  return { page, complaints, calls };
}

// Its chart of the processors is drawn with numbers, it has asked for alarms and other hosts, and nothing was wrong.
async function visit(path) {
  const { page, complaints, calls } = await open(root + path);
  const answered = (call) => calls.some((url) => url.includes(call)) || page.waitForResponse((response) => response.url().includes(call));
  const isDrawn = () => {
    const chart = document.querySelector("#chart_system_cpu");
    const gauges = [...document.querySelectorAll(".easyPieChart, .netdata-gaugejs, [data-chart-library]")];
    return chart?.querySelector("canvas") && /user\s*\d/.test(chart.innerText) && gauges.some((each) => /\d/.test(each.innerText));
  };
  try {
    await page.waitForFunction(isDrawn, undefined, { timeout: 45_000 });
    for (const call of ["/api/v1/registry?action=access", "/api/v1/alarms?active"]) await answered(call);
    await page.waitForFunction((names) => names.every((name) => document.documentElement.innerHTML.includes(name)), hosts);
  } catch (error) {
    throw new Error(`${path || "/"} shows no chart: ${error.message}\n${complaints.join("\n")}`);
  } finally {
    await page.screenshot({ path: `${folder}/classic-${path.replaceAll("/", "-")}.png` });
  }
  assert.deepEqual(complaints, [], path);
  await page.close();
}

try {
  for (const page of ["", ...hosts.map((name) => `host/${name}/`)]) await visit(page + dashboard);
} finally {
  await browser.close();
}
