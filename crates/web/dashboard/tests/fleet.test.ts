import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";

import { arrange, hasWords, isHeading, labelKeys, sorted, type Wish } from "../src/fleet/arrange.ts";
import type { FleetHost, Status } from "../src/fleet/fleet.ts";

function host(hostname: string, part: Partial<FleetHost> = {}): FleetHost {
  return {
    guid: `guid-of-${hostname}`,
    hostname,
    status: "live" as Status,
    newest_s: 1,
    age_s: 1,
    alarms: { critical: 0, warning: 0, normal: 5 },
    now: { cpu: null, ram: null, load: null, net: null },
    hops: 1,
    path: ["node"],
    os: "linux",
    program: "tributary 0.1.0",
    memory_mode: "ram",
    ephemeral: false,
    update_every: 1,
    charts: 0,
    dimensions: 0,
    labels: {},
    curves: { cpu: [], ram: [], load: [], net: [] },
    ...part,
  };
}

const WISH: Wish = { search: "", status: null, sort: "name", descending: false, group: "" };
const cpu = (value: number | null) => ({ now: { cpu: value, ram: null, load: null, net: null } });
const HOSTS = [
  host("web-10", { ...cpu(5), labels: { rack: "r1", role: "web" } }),
  host("web-2", { ...cpu(90), labels: { rack: "r2" }, path: ["proxy", "node"], hops: 2 }),
  host("db-1", { ...cpu(null), status: "offline", alarms: { critical: 1, warning: 0, normal: 4 } }),
];
const names = (hosts: FleetHost[]) => hosts.map(({ hostname }) => hostname);
const shown = (wish: Partial<Wish>, closed: string[] = []) =>
  arrange(HOSTS, { ...WISH, ...wish }, new Set(closed), (guid) => guid).map((line) =>
    isHeading(line) ? `${line.heading}: ${line.live} of ${line.hosts}, ${line.alarms.critical}` : line.hostname,
  );

test("hosts are ordered as people count, and those without a value come last", () => {
  deepEqual(names(sorted(HOSTS, "name", false)), ["db-1", "web-2", "web-10"]);
  deepEqual(names(sorted(HOSTS, "cpu", true)), ["web-2", "web-10", "db-1"]);
  deepEqual(names(sorted(HOSTS, "cpu", false)), ["web-10", "web-2", "db-1"]);
  deepEqual(names(sorted(HOSTS, "alarms", true))[0], "db-1");
});

test("a search wants every word, wherever it is", () => {
  equal(hasWords(HOSTS[0]!, ["web", "rack:r1"]), true);
  equal(hasWords(HOSTS[0]!, ["web", "rack:r2"]), false);
  deepEqual(shown({ search: " LINUX  offline" }), ["db-1"]);
  deepEqual(shown({ status: "raised" }), ["db-1"]);
});

test("groups have a heading each, and closed ones nothing else", () => {
  deepEqual(shown({ group: "label:rack" }), ["r1: 1 of 1, 0", "web-10", "r2: 1 of 1, 0", "web-2", "(none): 0 of 1, 1", "db-1"]);
  deepEqual(shown({ group: "status" }, ["live"]), ["live: 2 of 2, 0", "offline: 0 of 1, 1", "db-1"]);
  deepEqual(shown({ group: "via", status: "live" }), ["direct: 1 of 1, 0", "web-10", "proxy: 1 of 1, 0", "web-2"]);
  deepEqual(labelKeys(HOSTS), ["rack", "role"]);
});
