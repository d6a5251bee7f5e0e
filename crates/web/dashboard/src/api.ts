// Calls of the node: with its token where it wants one, ended when nobody looks, and rarer while it is away.

import { Cell } from "./cell.ts";
import { keep, kept } from "./kept.ts";
import { learnTime } from "./nodetime.ts";

export interface Away {
  // Calls in a row that got no answer.
  failures: number;
  // Until the next one is worth a try, in addition to a tick.
  waitMs: number;
}

const HERE: Away = { failures: 0, waitMs: 0 };
const WAIT_MS_MAX = 30_000;
const ANSWER_MS_MAX = 30_000;

export const away = new Cell<Away>(HERE);
// Whether the node wants a token that we do not have.
export const locked = new Cell(false);

let token = kept("token");
let leaving = new AbortController();

// What the node answered, where that was not the thing asked for.
export class Refusal extends Error {
  constructor(
    readonly status: number,
    text: string,
  ) {
    super(text);
  }
}

export async function get<T>(url: string, signal?: AbortSignal): Promise<T> {
  const response = await ask(url, signal);
  return (await response.json()) as T;
}

// A call that is not just JSON; fails where the answer is no success.
export async function ask(url: string, signal?: AbortSignal): Promise<Response> {
  const signals = [leaving.signal, AbortSignal.timeout(ANSWER_MS_MAX)];
  const askedMs = Date.now();
  let response: Response;
  try {
    response = await fetch(url, {
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.any(signal ? [...signals, signal] : signals),
    });
  } catch (error) {
    if (!isAbort(error)) isAway();
    throw error;
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  if (!Number.isNaN(date)) learnTime(date, askedMs, Date.now());
  if (response.status >= 502 && response.status <= 504) isAway();
  else away.value = HERE;
  if (response.ok) return response;
  if (response.status === 401) locked.value = true;
  throw new Refusal(response.status, (await response.text()).slice(0, 300));
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

function isAway(): void {
  const failures = away.value.failures + 1;
  away.value = { failures, waitMs: Math.min(WAIT_MS_MAX, 500 * 2 ** failures) };
}

export function setToken(value: string | null): void {
  token = value;
  keep("token", value);
  locked.value = false;
}

export function hasToken(): boolean {
  return token !== null;
}

// Ends what is under way when the page is no longer seen.
export function watchLeaving(): void {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) leaving.abort();
    else leaving = new AbortController();
  });
}
