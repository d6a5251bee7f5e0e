// The hosts of this node, and those that its registry knows this browser to have seen (my-netdata).

import { get } from "./api.ts";
import { Cell } from "./cell.ts";
import { everyTick } from "./clock.ts";
import { call, route } from "./route.ts";

export interface Host {
  guid: string;
  hostname: string;
  hops: number;
  // Whether rows come in.
  reachable: boolean;
  // The second of the newest row; 0 where there is none.
  newest_s: number;
  age_s: number | null;
  charts: number;
  dimensions: number;
  memory_mode: string;
  program: string;
  os: string;
  alarms: Raised;
}

// How many alarms are raised.
export interface Raised {
  critical: number;
  warning: number;
}

export interface Elsewhere {
  guid: string;
  name: string;
  url: string;
}

export type Freshness = "live" | "stale" | "gone";

// `null` until they are known.
export const hosts = new Cell<Host[] | null>(null);
export const elsewhere = new Cell<Elsewhere[]>([]);

// A host whose newest row is older lags behind.
const STALE_S = 15;
const MANY = 300;
const EVERY_S = 5;
const EVERY_S_OF_MANY = 20;
// The first picture comes before the registry's calls.
const REGISTRY_AFTER_MS = 1_000;
const REGISTRY_MS_MAX = 10_000;

export function freshness(host: Host): Freshness {
  if (!host.reachable || host.age_s === null) return "gone";
  return host.age_s > STALE_S ? "stale" : "live";
}

export const FRESHNESS_WORDS: Record<Freshness, string> = { live: "live", stale: "late", gone: "offline" };

export function raisedOf(all: Host[]): Raised {
  const sum = { critical: 0, warning: 0 };
  for (const { alarms } of all) {
    sum.critical += alarms.critical;
    sum.warning += alarms.warning;
  }
  return sum;
}

// The host that an address calls so.
export function find(all: Host[], name: string | null): Host | undefined {
  if (name === null || name === "localhost") return all[0];
  return all.find((host) => host.hostname === name) ?? all.find((host) => host.guid === name.toLowerCase());
}

// How addresses call a host: by its name, unless another one has it, too.
export function nameOf(host: Host, all: Host[]): string {
  return all.find((other) => other.hostname === host.hostname) === host ? host.hostname : host.guid;
}

export function followHosts(): void {
  let [due, loading] = [0, false];
  everyTick((now) => {
    if (loading || now < due) return;
    loading = true;
    get<Host[]>(call("v1/hosts"))
      .then((answer) => {
        if (hosts.value === null) setTimeout(() => void meetRegistry(answer), REGISTRY_AFTER_MS);
        hosts.value = answer;
        due = now + (answer.length > MANY ? EVERY_S_OF_MANY : EVERY_S);
      })
      .catch(() => undefined)
      .finally(() => (loading = false));
  });
}

interface Hello {
  status: string;
  hostname: string;
  machine_guid: string;
  registry?: string;
}

interface Access {
  status: string;
  urls?: [string, string, number, number, string][];
}

// Tells the registry that the node announces that we were here, and learns where else.
async function meetRegistry(here: Host[]): Promise<void> {
  try {
    const hello = await get<Hello>(call("v1/registry?action=hello"));
    if (hello.status !== "ok") return;
    const words = new URLSearchParams({
      action: "access",
      machine: hello.machine_guid,
      name: hello.hostname,
      url: location.origin + route.value.root,
    });
    const visit = () => visited(hello.registry ?? "", words);
    let access = await visit();
    // The first answer of all only says who we are from now on.
    if (access.status === "redirect") access = await visit();
    const known = new Set(here.map((host) => host.guid));
    elsewhere.value = (access.urls ?? [])
      .filter(([guid, url]) => !known.has(guid) && /^https?:\/\//.test(url))
      .map(([guid, url, , , name]) => ({ guid, url, name }));
  } catch {
    // A node without a registry has nothing to add.
  }
}

// Another node's registry knows this browser by a cookie of its own; our token is none of its business.
async function visited(registry: string, words: URLSearchParams): Promise<Access> {
  const { origin } = new URL(registry || location.href, location.href);
  if (origin === location.origin) return get<Access>(call(`v1/registry?${words}`));
  const url = `${registry.replace(/\/+$/, "")}/api/v1/registry?${words}`;
  const response = await fetch(url, { credentials: "include", signal: AbortSignal.timeout(REGISTRY_MS_MAX) });
  return (await response.json()) as Access;
}
