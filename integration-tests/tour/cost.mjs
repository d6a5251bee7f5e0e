// What the page costs who looks at it.

import assert from "node:assert/strict";

import { SIZES, browser, drawn, hostPage } from "./browser.mjs";

// What sixty visible charts cost each second, by the processes of the browser, and when the first chart is there.
export async function cost() {
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
