// The stretch of time that all charts show, and how the address says it.
//
//   #after=-300                         the last five minutes, going on
//   #after=1795387000&before=1795387300 a fixed stretch
//
// Other words of the address (`at`, the place on the page) stay as they are.

import { Cell } from "./cell.ts";

export type View =
  | { live: true; seconds: number }
  // From `after` to `before`, in seconds since 1970.
  | { live: false; after: number; before: number };

export const SECONDS_MIN = 10;
export const SECONDS_MAX = 366 * 86_400;
const START: View = { live: true, seconds: 300 };
// Numbers up to three years are spans, as for the API.
const SPAN_MAX = 94_608_000;

export const view = new Cell<View>(START);

export function span(view: View): number {
  return view.live ? view.seconds : view.before - view.after;
}

// First and last second of a view, where it is `now`.
export function bounds(view: View, now: number): [number, number] {
  return view.live ? [now - view.seconds, now] : [view.after, view.before];
}

export function read(hash: string): View {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const [after, before] = [number(words.get("after")), number(words.get("before"))];
  if (after === null) return START;
  if (before === null || before === 0) {
    return after < 0 && after >= -SPAN_MAX ? { live: true, seconds: within(-after) } : START;
  }
  return after > SPAN_MAX && before > after ? fixed(after, before) : START;
}

// The address's part after `#`, for `view`; what else `hash` says is kept.
export function write(view: View, hash: string): string {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  words.delete("after");
  words.delete("before");
  const rest = words.toString();
  const said = view.live ? `after=-${view.seconds}` : `after=${view.after}&before=${view.before}`;
  return `#${said}${rest && `&${rest}`}`;
}

function number(text: string | null): number | null {
  return text !== null && /^-?\d{1,12}$/.test(text) ? Number(text) : null;
}

function within(seconds: number): number {
  return Math.round(Math.min(Math.max(seconds, SECONDS_MIN), SECONDS_MAX));
}

// A fixed view of whole seconds, neither too short nor too long.
export function fixed(after: number, before: number): View {
  const seconds = within(before - after);
  const middle = (after + before) / 2;
  const first = Math.round(middle - seconds / 2);
  return { live: false, after: first, before: first + seconds };
}

export function live(seconds: number): View {
  return { live: true, seconds: within(seconds) };
}

// Moved by a share of its length; one that would reach beyond `now` ends there.
export function moved(view: View, share: number, now: number): View {
  const [after, before] = bounds(view, now);
  const step = Math.min((before - after) * share, now - before);
  return fixed(after + step, before + step);
}

// Longer or shorter by `factor`, around the moment at `share` of it. A live one stays live.
export function zoomed(view: View, factor: number, now: number, share = 0.5): View {
  if (view.live) return live(view.seconds * factor);
  const [seconds, middle] = [view.before - view.after, view.after + (view.before - view.after) * share];
  const after = middle - seconds * factor * share;
  const length = Math.min(Math.max(seconds * factor, SECONDS_MIN), SECONDS_MAX);
  const before = Math.min(after + length, now);
  return fixed(before - length, before);
}

export function paused(view: View, now: number): View {
  const [after, before] = bounds(view, now);
  return fixed(after, before);
}

export function playing(view: View): View {
  return live(span(view));
}

// Follows the address, and writes every other view into it.
export function followView(): void {
  view.value = read(location.hash);
  addEventListener("hashchange", () => {
    const next = read(location.hash);
    if (write(next, "") !== write(view.value, "")) view.value = next;
  });
  addEventListener("popstate", () => {
    const next = read(location.hash);
    if (write(next, "") !== write(view.value, "")) view.value = next;
  });
  view.watch((value) => {
    const hash = write(value, location.hash);
    if (hash !== location.hash) history.replaceState(null, "", location.pathname + location.search + hash);
  });
}

// Another word of the address, such as the place on the page.
export function word(name: string): string | null {
  return new URLSearchParams(location.hash.slice(1)).get(name);
}

export function setWord(name: string, value: string | null): void {
  const words = new URLSearchParams(location.hash.slice(1));
  if (words.get(name) === value) return;
  if (value === null) words.delete(name);
  else words.set(name, value);
  history.replaceState(null, "", `${location.pathname}${location.search}#${words}`);
}
