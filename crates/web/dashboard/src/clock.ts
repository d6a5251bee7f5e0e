// The one timer of the page.
//
// A tick comes each second while the page is visible; while the node is away they come ever rarer.

import { away } from "./api.ts";
import { nodeNow } from "./nodetime.ts";

type Work = (now: number) => void;

const TICK_MS = 1_000;
const works = new Set<Work>();
let timer: ReturnType<typeof setTimeout> | undefined;

// Calls `work` with each tick, and at the next turn for the first time; the answer ends that.
export function everyTick(work: Work): () => void {
  works.add(work);
  soon();
  return () => void works.delete(work);
}

// A tick at the next turn, for instance since the view is another.
export function soon(): void {
  schedule(0);
}

function schedule(delayMs: number): void {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(tick, delayMs);
}

function tick(): void {
  const now = nodeNow();
  for (const work of [...works]) work(now);
  schedule(Math.max(TICK_MS - (Date.now() % TICK_MS), 50) + away.value.waitMs);
}

export function startClock(): void {
  document.addEventListener("visibilitychange", soon);
  soon();
}
