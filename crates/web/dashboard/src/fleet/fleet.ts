// What the node tells of all hosts: the whole from time to time, and in between what moves.

import { get } from "../api.ts";
import { Cell } from "../cell.ts";
import { everyTick } from "../clock.ts";
import { call } from "../route.ts";

export const VITALS = ["cpu", "ram", "load", "net"] as const;
export type Vital = (typeof VITALS)[number];
export const STATUSES = ["live", "stale", "offline", "archived"] as const;
export type Status = (typeof STATUSES)[number];

export const STATUS_WORDS: Record<Status, string> = {
  live: "live",
  stale: "late",
  offline: "offline",
  archived: "archived",
};

export interface Counts {
  critical: number;
  warning: number;
  normal: number;
}

// What moves.
export interface Brief {
  guid: string;
  status: Status;
  newest_s: number;
  age_s: number | null;
  alarms: Counts;
  now: Record<Vital, number | null>;
}

export interface FleetHost extends Brief {
  hostname: string;
  hops: number;
  path: string[];
  os: string;
  program: string;
  memory_mode: string;
  ephemeral: boolean;
  update_every: number;
  charts: number;
  dimensions: number;
  labels: Record<string, string>;
  curves: Record<Vital, (number | null)[]>;
}

export interface Totals extends Record<Status, number> {
  hosts: number;
  alarms: Counts;
}

interface Answer<Host> {
  page: number;
  pages: number;
  totals: Totals;
  curve?: { points: number; step_s: number; end_s: number };
  hosts: Host[];
}

export interface Fleet {
  totals: Totals;
  hosts: FleetHost[];
  // Seconds of a curve.
  curveS: number;
}

// `null` until it is known.
export const fleet = new Cell<Fleet | null>(null);

const MANY = 300;
const EVERY_S = 2;
const EVERY_S_OF_MANY = 5;
const WHOLE_EVERY_S = 20;

async function load<Host>(words: string): Promise<Answer<Host>> {
  const page = (number: number) => get<Answer<Host>>(call(`v1/fleet?page=${number}${words}`));
  const first = await page(0);
  for (let number = 1; number < first.pages; number++) first.hosts.push(...(await page(number)).hosts);
  return first;
}

async function loadWhole(): Promise<void> {
  const { totals, hosts, curve } = await load<FleetHost>("");
  fleet.value = { totals, hosts, curveS: (curve?.points ?? 0) * (curve?.step_s ?? 0) };
}

// Brings what moves up to date; the answer says whether a host came or went.
async function loadBrief(): Promise<boolean> {
  const known = fleet.value;
  if (!known) return true;
  const { totals, hosts } = await load<Brief>("&brief");
  const news = new Map(hosts.map((host) => [host.guid, host]));
  const kept = known.hosts.filter((host) => news.has(host.guid));
  fleet.value = { ...known, totals, hosts: kept.map((host) => ({ ...host, ...news.get(host.guid) })) };
  return hosts.length !== kept.length;
}

// Keeps `fleet` up to date; the answer ends that.
export function followFleet(): () => void {
  let [due, wholeDue, loading] = [0, 0, false];
  return everyTick((now) => {
    if (loading || now < due) return;
    loading = true;
    const isWhole = now >= wholeDue || fleet.value === null;
    const work = isWhole ? loadWhole().then(() => false) : loadBrief();
    work
      .then((hasNew) => {
        if (isWhole) wholeDue = now + WHOLE_EVERY_S;
        if (hasNew) wholeDue = 0;
        due = now + ((fleet.value?.hosts.length ?? 0) > MANY ? EVERY_S_OF_MANY : EVERY_S) - 0.5;
      })
      .catch(() => undefined)
      .finally(() => (loading = false));
  });
}
