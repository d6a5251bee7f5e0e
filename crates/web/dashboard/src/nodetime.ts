// What time it is at the node, as well as its answers let us know.

// How far its clock is ahead of ours, in milliseconds; answers tell whole seconds.
let [aheadMin, aheadMax] = [-Infinity, Infinity];

// An answer says it was made at `dateMs`, a whole second; it was asked for and came at these times of ours.
export function learnTime(dateMs: number, askedMs: number, cameMs: number): void {
  const [least, most] = [dateMs - cameMs, dateMs + 1_000 - askedMs];
  const agrees = least <= aheadMax && most >= aheadMin;
  aheadMin = agrees ? Math.max(aheadMin, least) : least;
  aheadMax = agrees ? Math.min(aheadMax, most) : most;
}

// Seconds since 1970 at the node.
export function nodeNow(): number {
  const ahead = Number.isFinite(aheadMin) ? (aheadMin + aheadMax) / 2 : 0;
  return (Date.now() + ahead) / 1_000;
}
