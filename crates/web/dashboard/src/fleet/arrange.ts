// Which hosts are shown, in which order, under which headings.

import { STATUS_WORDS, STATUSES, type Counts, type FleetHost, type Status, type Vital } from "./fleet.ts";

export type SortKey = "name" | "status" | "path" | "alarms" | Vital;

export interface Wish {
  search: string;
  // Only hosts of these; none means all.
  status: Status | "raised" | null;
  sort: SortKey;
  descending: boolean;
  // What hosts are grouped by: one of GROUPS, or `label:KEY`; empty means not.
  group: string;
}

export interface Heading {
  heading: string;
  hosts: number;
  live: number;
  alarms: Counts;
  isOpen: boolean;
}

export type Line = Heading | FleetHost;

export function isHeading(line: Line): line is Heading {
  return "heading" in line;
}

export const GROUPS: [string, string][] = [
  ["", "nothing"],
  ["status", "status"],
  ["os", "system"],
  ["program", "program"],
  ["via", "parent"],
];
const NONE = "(none)";

// The keys of all labels, those of most hosts first.
export function labelKeys(hosts: FleetHost[]): string[] {
  const counts = new Map<string, number>();
  for (const { labels } of hosts) for (const key of Object.keys(labels)) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([key]) => key);
}

// Whether a host has all words of a search, each somewhere: `web linux rack:r17`.
export function hasWords(host: FleetHost, words: string[]): boolean {
  if (words.length === 0) return true;
  const labels = Object.entries(host.labels).map(([key, value]) => `${key}:${value}`);
  const text = [host.hostname, host.guid, host.os, host.program, STATUS_WORDS[host.status], ...labels].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

function isWanted(host: FleetHost, status: Wish["status"]): boolean {
  if (status === null) return true;
  return status === "raised" ? host.alarms.critical + host.alarms.warning > 0 : host.status === status;
}

const NAMES = new Intl.Collator("en", { numeric: true });

function byName(a: FleetHost, b: FleetHost): number {
  return NAMES.compare(a.hostname, b.hostname) || (a.guid < b.guid ? -1 : 1);
}

// The number that a column sorts by; `null` comes last either way.
function rank(host: FleetHost, key: SortKey): number | null {
  switch (key) {
    case "name":
      return 0;
    case "status":
      return STATUSES.indexOf(host.status) * 1e12 + (host.age_s ?? 1e11);
    case "path":
      return host.hops;
    case "alarms":
      return host.alarms.critical * 1e4 + host.alarms.warning;
    default:
      return host.now[key];
  }
}

export function sorted(hosts: FleetHost[], key: SortKey, descending: boolean): FleetHost[] {
  const sign = descending ? -1 : 1;
  if (key === "name") return [...hosts].sort((a, b) => sign * byName(a, b));
  const ranked = hosts.map((host): [FleetHost, number | null] => [host, rank(host, key)]);
  ranked.sort(([a, x], [b, y]) => {
    if (x === null || y === null) return Number(x === null) - Number(y === null) || byName(a, b);
    return sign * (x - y) || byName(a, b);
  });
  return ranked.map(([host]) => host);
}

// The nodes between a host and this one, the nearest to the host first.
export function between(host: FleetHost): string[] {
  return host.path.slice(0, -1).filter((guid) => guid !== host.guid);
}

function groupOf(host: FleetHost, group: string, nameOf: (guid: string) => string): string {
  if (group.startsWith("label:")) return host.labels[group.slice(6)] ?? NONE;
  switch (group) {
    case "status":
      return STATUS_WORDS[host.status];
    case "os":
      return host.os;
    case "program":
      return host.program;
    case "via":
      return host.hops === 0 ? "this node" : (between(host).map(nameOf).at(-1) ?? "direct");
    default:
      return "";
  }
}

// The lines of the list; of groups that are closed only the heading.
export function arrange(
  hosts: FleetHost[],
  wish: Wish,
  closed: ReadonlySet<string>,
  nameOf: (guid: string) => string,
): Line[] {
  const words = wish.search.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = hosts.filter((host) => isWanted(host, wish.status) && hasWords(host, words));
  const ordered = sorted(shown, wish.sort, wish.descending);
  if (wish.group === "") return ordered;
  const groups = new Map<string, FleetHost[]>();
  for (const host of ordered) {
    const group = groupOf(host, wish.group, nameOf);
    const known = groups.get(group);
    if (known) known.push(host);
    else groups.set(group, [host]);
  }
  const statuses = wish.group === "status" ? STATUSES.map((status) => STATUS_WORDS[status]) : [];
  const place = (name: string) => (name === NONE ? Infinity : statuses.indexOf(name));
  const names = [...groups.keys()].sort((a, b) => (place(a) === place(b) ? NAMES.compare(a, b) : place(a) - place(b)));
  return names.flatMap((name): Line[] => {
    const members = groups.get(name)!;
    const isOpen = !closed.has(name);
    const sum = (of: (host: FleetHost) => number) => members.reduce((all, host) => all + of(host), 0);
    const heading: Heading = {
      heading: name,
      hosts: members.length,
      live: sum((host) => Number(host.status === "live")),
      alarms: {
        critical: sum((host) => host.alarms.critical),
        warning: sum((host) => host.alarms.warning),
        normal: sum((host) => host.alarms.normal),
      },
      isOpen,
    };
    return isOpen ? [heading, ...members] : [heading];
  });
}
