// All hosts of the node: search, sort, group, and look at how they are.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { useCell } from "../cell.ts";
import { Caret, Search } from "../frame/icons.tsx";
import { useKeys } from "../keys.ts";
import { setWord, word } from "../view.ts";
import { count } from "../units.ts";
import { useMedia, useSeen } from "../virtual.ts";
import { arrange, GROUPS, isHeading, labelKeys, type Heading, type Line, type SortKey, type Wish } from "./arrange.ts";
import { fleet, followFleet, STATUS_WORDS, STATUSES, VITALS, type FleetHost, type Totals } from "./fleet.ts";
import { HostRow, Raised, VITAL_NAMES } from "./row.tsx";

// Heights of a line, as the style sheet has them.
const LINE = 46;
const LINE_NARROW = 96;
const NARROW = "(max-width: 860px)";

const COLUMNS: [SortKey, string][] = [
  ["name", "Host"],
  ["status", "Status"],
  ["path", "Path"],
  ["alarms", "Alarms"],
  ...VITALS.map((vital): [SortKey, string] => [vital, VITAL_NAMES[vital]]),
];
// Columns whose large values are looked for.
const DESCENDING = new Set<SortKey>(["alarms", ...VITALS]);

function readWish(): Wish {
  const sort = COLUMNS.map(([key]) => key).find((key) => key === word("sort")?.replace("-", "")) ?? "name";
  const status = word("show");
  const isStatus = status === "raised" || STATUSES.some((known) => known === status);
  return {
    search: word("q") ?? "",
    status: isStatus ? (status as Wish["status"]) : null,
    sort,
    descending: word("sort")?.startsWith("-") ?? false,
    group: word("group") ?? "",
  };
}

function writeWish(wish: Wish): void {
  setWord("q", wish.search || null);
  setWord("show", wish.status);
  setWord("sort", wish.sort === "name" && !wish.descending ? null : (wish.descending ? "-" : "") + wish.sort);
  setWord("group", wish.group || null);
}

export function FleetPage() {
  const known = useCell(fleet);
  useEffect(followFleet, []);
  const [wish, setWish] = useState(readWish);
  useEffect(() => writeWish(wish), [wish]);
  const change = (part: Partial<Wish>) => setWish((now) => ({ ...now, ...part }));
  if (known === null) return <p class="waiting">Asking the node for its hosts…</p>;
  return (
    <section class="fleet" data-ready="1">
      <h1 class="unseen">Fleet</h1>
      <Totals totals={known.totals} wish={wish} change={change} />
      <Tools hosts={known.hosts} wish={wish} change={change} />
      <List hosts={known.hosts} wish={wish} change={change} />
    </section>
  );
}

interface Wishing {
  wish: Wish;
  change: (part: Partial<Wish>) => void;
}

// How many hosts are how; each number shows only those.
function Totals({ totals, wish, change }: Wishing & { totals: Totals }) {
  const tiles: [Wish["status"], string, number, string][] = [
    [null, totals.hosts === 1 ? "host" : "hosts", totals.hosts, ""],
    ...STATUSES.filter((status) => totals[status] > 0 || status === "live").map(
      (status): [Wish["status"], string, number, string] => [status, STATUS_WORDS[status], totals[status], status],
    ),
  ];
  const { critical, warning } = totals.alarms;
  return (
    <div class="totals" role="group" aria-label="Show only">
      {tiles.map(([status, name, number, kind]) => (
        <button
          key={name}
          type="button"
          class={kind}
          aria-pressed={wish.status === status}
          onClick={() => change({ status: wish.status === status ? null : status })}
        >
          <strong>{number.toLocaleString("en")}</strong> {name}
        </button>
      ))}
      <button
        type="button"
        class={critical > 0 ? "critical" : warning > 0 ? "warning" : "calm"}
        aria-pressed={wish.status === "raised"}
        onClick={() => change({ status: wish.status === "raised" ? null : "raised" })}
      >
        <strong>{(critical + warning).toLocaleString("en")}</strong> {critical + warning === 1 ? "alarm" : "alarms"}
        {critical > 0 && warning > 0 && <span class="muted">{` (${critical} critical)`}</span>}
      </button>
    </div>
  );
}

function Tools({ hosts, wish, change }: Wishing & { hosts: FleetHost[] }) {
  const field = useRef<HTMLInputElement>(null);
  useKeys([{ keys: ["/"], shown: "/", does: "search hosts", act: () => field.current?.focus() }], []);
  const keys = useMemo(() => labelKeys(hosts), [hosts]);
  return (
    <div class="tools">
      <label class="search">
        <Search />
        <input
          ref={field}
          type="search"
          placeholder="Search: name, label:value, system …"
          aria-label="Search hosts"
          autocomplete="off"
          spellcheck={false}
          value={wish.search}
          onInput={(event) => change({ search: event.currentTarget.value })}
          onKeyDown={(event) => event.key === "Escape" && (change({ search: "" }), event.currentTarget.blur())}
        />
      </label>
      <label>
        <span>Group by</span>
        <select value={wish.group} onChange={(event) => change({ group: event.currentTarget.value })}>
          {GROUPS.map(([group, name]) => (
            <option key={group} value={group}>
              {name}
            </option>
          ))}
          {keys.length > 0 && (
            <optgroup label="Label">
              {keys.map((key) => (
                <option key={key} value={`label:${key}`}>
                  {key}
                </option>
              ))}
            </optgroup>
          )}
        </select>
      </label>
      <label class="sorting">
        <span>Sort by</span>
        <select value={wish.sort} onChange={(event) => change(sorting(wish, event.currentTarget.value as SortKey))}>
          {COLUMNS.map(([key, name]) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

// What a click on a column's head asks for: that order, or the other way round.
function sorting(wish: Wish, sort: SortKey): Partial<Wish> {
  return { sort, descending: wish.sort === sort ? !wish.descending : DESCENDING.has(sort) };
}

function List({ hosts, wish, change }: Wishing & { hosts: FleetHost[] }) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => setClosed(new Set()), [wish.group]);
  const names = useMemo(() => new Map(hosts.map((host) => [host.guid, host.hostname])), [hosts]);
  const nameOf = (guid: string) => names.get(guid) ?? guid.slice(0, 8);
  const addresses = useMemo(() => addressesOf(hosts), [hosts]);
  const lines = useMemo(() => arrange(hosts, wish, closed, nameOf), [hosts, wish, closed]);
  const height = useMedia(NARROW) ? LINE_NARROW : LINE;
  const { whole, first, end, show } = useSeen<HTMLDivElement>(lines.length, height);
  const toggle = (name: string) => setClosed((now) => new Set(now.has(name) ? [...now].filter((other) => other !== name) : [...now, name]));
  return (
    <div class="hostlist" role="table" aria-label="Hosts" aria-rowcount={lines.length + 1}>
      <Head wish={wish} change={change} />
      <div
        ref={whole}
        role="rowgroup"
        class="lines"
        style={{ height: `${lines.length * height}px` }}
        onKeyDown={(event) => step(event, lines.length, show)}
      >
        {lines.slice(first, end).map((line, place) => (
          <div
            key={isHeading(line) ? `group ${line.heading}` : line.guid}
            role="row"
            aria-rowindex={first + place + 2}
            class={isHeading(line) ? "line heading" : `line ${line.status}`}
            style={{ transform: `translateY(${(first + place) * height}px)` }}
          >
            <LineContents
              line={line}
              number={first + place}
              name={isHeading(line) ? "" : addresses.get(line.guid)!}
              nameOf={nameOf}
              toggle={toggle}
            />
          </div>
        ))}
      </div>
      {lines.length === 0 && (
        <p class="empty">
          <strong>{hosts.length === 0 ? "No hosts yet" : "No host is like that"}</strong>
          {hosts.length === 0 ? "They appear as soon as they stream to this node." : "Search for less, or show all."}
        </p>
      )}
    </div>
  );
}

interface LineProperties {
  line: Line;
  number: number;
  name: string;
  nameOf: (guid: string) => string;
  toggle: (name: string) => void;
}

function LineContents({ line, number, name, nameOf, toggle }: LineProperties) {
  if (!isHeading(line)) return <HostRow host={line} name={name} nameOf={nameOf} line={number} />;
  return <GroupHead group={line} number={number} toggle={toggle} />;
}

function GroupHead({ group, number, toggle }: { group: Heading; number: number; toggle: (name: string) => void }) {
  return (
    <div role="cell" class="group">
      <button type="button" data-line={number} aria-expanded={group.isOpen} onClick={() => toggle(group.heading)}>
        <Caret /> <strong>{group.heading}</strong>
      </button>
      <span class="muted">
        {count(group.hosts, "host")}, {group.live === group.hosts ? "all live" : `${group.live} live`}
      </span>
      <Raised alarms={group.alarms} />
    </div>
  );
}

function Head({ wish, change }: Wishing) {
  return (
    <div role="rowgroup" class="columns">
      <div role="row" aria-rowindex={1}>
        {COLUMNS.map(([key, name]) => {
          const order = wish.sort !== key ? undefined : wish.descending ? "descending" : "ascending";
          return (
            <div role="columnheader" key={key} data-column={key} aria-sort={order}>
              <button type="button" onClick={() => change(sorting(wish, key))}>
                {name}
                <span aria-hidden="true">{order === "ascending" ? " ↑" : order === "descending" ? " ↓" : ""}</span>
              </button>
            </div>
          );
        })}
      </div>
    </div>
  );
}

// How addresses call hosts: by name, or by GUID where the first of that name is another.
function addressesOf(hosts: FleetHost[]): Map<string, string> {
  const taken = new Set<string>();
  return new Map(
    hosts.map(({ guid, hostname }) => {
      const isFirst = !taken.has(hostname) && hostname !== "localhost";
      taken.add(hostname);
      return [guid, isFirst ? hostname : guid];
    }),
  );
}

// Arrow keys go from line to line.
function step(event: KeyboardEvent, count: number, show: (line: number) => void): void {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const at = Number((event.target as HTMLElement).dataset.line ?? NaN);
  if (by === undefined || Number.isNaN(at)) return;
  const next = Math.min(Math.max(at + by, 0), count - 1);
  event.preventDefault();
  show(next);
  const list = event.currentTarget as HTMLElement;
  // The line may have to come into the page first.
  requestAnimationFrame(() => requestAnimationFrame(() => list.querySelector<HTMLElement>(`[data-line="${next}"]`)?.focus({ preventScroll: true })));
}
