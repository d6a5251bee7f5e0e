// What the node says of a host's charts, and the order they stand in.

export interface Chart {
  id: string;
  name: string;
  type: string;
  family: string;
  context: string;
  title: string;
  units: string;
  chart_type: string;
  priority: number;
  update_every: number;
  first_entry: number;
  last_entry: number;
  dimensions: Record<string, { name: string }>;
}

export interface Listing {
  charts: Record<string, Chart>;
}

export interface Family {
  name: string;
  id: string;
  charts: Chart[];
}

export interface Section {
  name: string;
  id: string;
  families: Family[];
  count: number;
}

const NAMES = new Map(
  Object.entries({
    system: "System",
    cpu: "Processors",
    mem: "Memory",
    disk: "Disks",
    net: "Network interfaces",
    ip: "Network stack",
    ipv4: "IPv4",
    ipv6: "IPv6",
    netfilter: "Firewall",
    apps: "Applications",
    app: "Applications",
    users: "Users",
    user: "Users",
    groups: "Groups",
    usergroup: "Groups",
    services: "Services",
    systemd: "Services",
    cgroup: "Control groups",
    sensors: "Sensors",
    powersupply: "Power",
    netdata: "Monitoring: Netdata",
    tributary: "Monitoring: Tributary",
    statsd: "statsd",
    nfs: "NFS",
    zfs: "ZFS",
    btrfs: "Btrfs",
    md: "RAID",
    timex: "Clock",
  }),
);

// Types of which every thing has its own: all disks stand together.
const OF_MANY = /^(disk|net|ap|powersupply|statsd|cgroup|systemd|app|user|usergroup)_(.+)$/;
// Of these, what follows the name is a thing, not a kind of chart, and so takes the family's place.
const THINGS = new Set(["cgroup", "statsd", "app", "user", "usergroup"]);

export function sectionOf({ type }: Chart): string {
  return OF_MANY.exec(type)?.[1] ?? type;
}

function familyOf(chart: Chart): string {
  const [, kind, thing] = OF_MANY.exec(chart.type) ?? [];
  return kind && THINGS.has(kind) ? thing! : chart.family || chart.type;
}

export function sectionName(id: string): string {
  return NAMES.get(id) ?? id;
}

// The title without the name that the API puts behind it.
export function titleOf({ title, name, id }: Chart): string {
  for (const each of [name, id]) {
    if (title.endsWith(` (${each})`)) return title.slice(0, -each.length - 3);
  }
  return title;
}

// Whether a chart is what somebody looks for: all words are somewhere in what it says of itself.
export function matches(chart: Chart, words: string[]): boolean {
  if (words.length === 0) return true;
  const dimensions = Object.values(chart.dimensions).map(({ name }) => name);
  const text = [chart.id, chart.name, chart.title, chart.family, chart.context, chart.units, ...dimensions]
    .join("\n")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

// Sections by their most important chart, families likewise, charts by priority and id.
export function arrange(charts: Chart[]): Section[] {
  const sorted = charts.toSorted((a, b) => a.priority - b.priority || (a.id < b.id ? -1 : 1));
  const sections = new Map<string, Map<string, Chart[]>>();
  for (const chart of sorted) {
    const families = entry(sections, sectionOf(chart), () => new Map<string, Chart[]>());
    entry(families, familyOf(chart), () => []).push(chart);
  }
  return [...sections].map(([id, families]) => ({
    id,
    name: sectionName(id),
    count: [...families.values()].reduce((sum, all) => sum + all.length, 0),
    families: [...families].map(([name, all]) => ({ id: `${id}.${name}`, name, charts: all })),
  }));
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
