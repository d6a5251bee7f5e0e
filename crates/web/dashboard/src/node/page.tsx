// This node: what comes in and goes out, what it keeps, and its settings.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { ask, get, Refusal } from "../api.ts";
import { everyTick } from "../clock.ts";
import { Search } from "../frame/icons.tsx";
import { call, link, route } from "../route.ts";
import { age, bytes, count, short } from "../units.ts";
import { setWord, word } from "../view.ts";
import { useSeen } from "../virtual.ts";
import { Backends, type Backend } from "./backends.tsx";
import { Fact } from "./fact.tsx";
import { withoutDefaults } from "./settings.ts";
import { ordered, Rates, ratio, streams, type Carried, type Direction, type Stream, type StreamKey, type StreamsAnswer } from "./streams.ts";

interface NodeAnswer {
  now_s: number;
  version: string;
  guid: string;
  hostname: string;
  memory_mode: string;
  history_rows: number;
  tls: boolean;
  streams_to_parent: boolean;
  store: { hosts: number; asleep: number; charts: number; dimensions: number; bytes: number };
  backends: Backend[];
}

const EVERY_S = 2;
const EVERY_S_OF_MANY = 5;
const MANY = 300;
const NODE_EVERY_S = 5;

export function NodePage() {
  const node = useAsked<NodeAnswer>("v1/node", () => NODE_EVERY_S);
  const rates = useRef(new Rates()).current;
  const known = useAsked<StreamsAnswer>(
    "v1/streams",
    ({ hosts }) => (hosts.length > MANY ? EVERY_S_OF_MANY : EVERY_S),
    (answer) => rates.note(answer, performance.now()),
  );
  const [direction, setDirection] = useState<Direction>(() => (word("streams") === "out" ? "out" : "in"));
  useEffect(() => setWord("streams", direction === "out" ? "out" : null), [direction]);
  if (node === null || known === null) return <p class="waiting">Asking the node about itself…</p>;
  const sides = (["in", "out"] as const).filter((side) => known.totals[side].streams > 0);
  const shown = sides.includes(direction) ? direction : (sides[0] ?? "in");
  return (
    <section class="node" data-ready="1">
      <header class="pagehead">
        <h1>{node.hostname}</h1>
        <span class="muted">{`Tributary ${node.version}`}</span>
        <code class="muted">{node.guid}</code>
      </header>
      <div class="nodecards">
        <Total title="Received" direction="in" carried={known.totals.in} rates={rates} />
        <Total title="Sent on" direction="out" carried={known.totals.out} rates={rates} />
        <Kept node={node} />
      </div>
      <Backends backends={node.backends} nowS={node.now_s} />
      <Settings />
      {sides.length > 0 && (
        <>
          <div class="switch" role="tablist" aria-label="Streams">
            {(["in", "out"] as const).map((side) => (
              <button key={side} type="button" role="tab" aria-selected={shown === side} disabled={!sides.includes(side)} onClick={() => setDirection(side)}>
                {side === "in" ? "Streams in" : "Streams out"}
              </button>
            ))}
          </div>
          <Streams key={shown} all={streams(known, shown, rates)} />
        </>
      )}
    </section>
  );
}

// What the node answers to a call, asked again after so many seconds.
function useAsked<T>(name: string, every: (answer: T) => number, note?: (answer: T) => void): T | null {
  const [answer, setAnswer] = useState<T | null>(null);
  useEffect(() => {
    let [due, loading] = [0, false];
    return everyTick((now) => {
      if (loading || now < due) return;
      loading = true;
      get<T>(call(name))
        .then((next) => {
          note?.(next);
          setAnswer(next);
          due = now + every(next) - 0.5;
        })
        .catch(() => undefined)
        .finally(() => (loading = false));
    });
  }, [name]);
  return answer;
}

interface TotalProperties {
  title: string;
  direction: Direction;
  carried: Carried;
  rates: Rates;
}

function Total({ title, direction, carried, rates }: TotalProperties) {
  const packed = ratio(carried);
  const lost = carried.rows_lost;
  return (
    <section class="nodecard">
      <h2>{title}</h2>
      {carried.streams === 0 ? (
        <p class="muted">{direction === "in" ? "Nobody has streamed to this node so far." : "This node has sent nothing on so far."}</p>
      ) : (
        <dl>
          <Fact name="Streams" value={`${carried.connected.toLocaleString("en")} now`} more={`${count(carried.reconnects, "reconnect")} so far`} />
          <Fact name="Rows" value={perSecond(rates.rate(direction, "rows"))} more={`${short(carried.rows)} so far`} />
          <Fact name="On the wire" value={bytesPerSecond(rates.rate(direction, "bytes"))} more={packed === null ? "" : `packed ${packed.toFixed(1)} : 1`} />
          <Fact name="Replicated" value={count(carried.rows_replicated, "row")} />
          <Fact name="Lost" value={count(lost, "row")} isBad={lost > 0} />
          {direction === "in" && carried.lag_s != null && <Fact name="Most behind" value={age(carried.lag_s)} isBad={carried.lag_s > 15} />}
        </dl>
      )}
    </section>
  );
}

function Kept({ node: { store, ...node } }: { node: NodeAnswer }) {
  return (
    <section class="nodecard">
      <h2>Kept</h2>
      <dl>
        <Fact name="Hosts" value={store.hosts.toLocaleString("en")} more={store.asleep > 0 ? `${store.asleep.toLocaleString("en")} on the disk only` : ""} />
        <Fact name="Charts" value={store.charts.toLocaleString("en")} more={count(store.dimensions, "dimension")} />
        <Fact name="Rows in memory" value={bytes(store.bytes)} more={store.dimensions > 0 ? `${bytes(store.bytes / store.dimensions)} a dimension` : ""} />
        <Fact name="Own host" value={`memory mode ${node.memory_mode}`} more={node.memory_mode === "none" ? "" : count(node.history_rows, "row")} />
        <Fact name="Port" value={node.tls ? "with TLS" : "without TLS"} />
        <Fact name="Parent" value={node.streams_to_parent ? "streams to one" : "none"} />
      </dl>
    </section>
  );
}

function perSecond(rate: number | null): string {
  return rate === null ? "…" : `${short(rate >= 100 ? Math.round(rate) : rate)}/s`;
}

function bytesPerSecond(rate: number | null): string {
  return rate === null ? "…" : `${bytes(rate)}/s`;
}

const COLUMNS: [StreamKey, string][] = [
  ["hostname", "Host"],
  ["isConnected", "State"],
  ["rowsRate", "Rows"],
  ["bytesRate", "Wire"],
  ["ratio", "Packed"],
  ["lagS", "Lag"],
  ["replicated", "Replicated"],
  ["lost", "Lost"],
  ["notTaken", "Not taken"],
  ["reconnects", "Reconnects"],
];
// Height of a line, as the style sheet has it.
const LINE = 36;

function Streams({ all }: { all: Stream[] }) {
  const [search, setSearch] = useState("");
  const [[key, descending], setOrder] = useState<[StreamKey, boolean]>(["hostname", false]);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = useMemo(
    () => ordered(all.filter(({ hostname, guid }) => words.every((word) => `${hostname}\n${guid}`.toLowerCase().includes(word))), key, descending),
    [all, search, key, descending],
  );
  const { whole, first, end } = useSeen<HTMLDivElement>(shown.length, LINE);
  return (
    <>
      <div class="tools">
        <label class="search">
          <Search />
          <input type="search" placeholder="Search: host" aria-label="Search streams" value={search} spellcheck={false} onInput={(event) => setSearch(event.currentTarget.value)} />
        </label>
        <span class="muted">{count(shown.length, "stream")}</span>
      </div>
      <div class="streamlist" tabIndex={0} role="table" aria-label="Streams" aria-rowcount={shown.length + 1}>
        <div role="rowgroup" class="columns">
          <div role="row" aria-rowindex={1}>
            {COLUMNS.map(([column, name]) => {
              const order = column !== key ? undefined : descending ? "descending" : "ascending";
              return (
                <div role="columnheader" key={column} aria-sort={order}>
                  <button type="button" onClick={() => setOrder([column, column === key ? !descending : column !== "hostname"])}>
                    {name}
                    <span aria-hidden="true">{order === "ascending" ? " ↑" : order === "descending" ? " ↓" : ""}</span>
                  </button>
                </div>
              );
            })}
          </div>
        </div>
        <div ref={whole} role="rowgroup" class="lines" style={{ height: `${shown.length * LINE}px` }}>
          {shown.slice(first, end).map((stream, place) => (
            <div key={stream.guid} role="row" aria-rowindex={first + place + 2} class="line" style={{ transform: `translateY(${(first + place) * LINE}px)` }}>
              <Line stream={stream} />
            </div>
          ))}
        </div>
      </div>
    </>
  );
}

function Line({ stream }: { stream: Stream }) {
  const isLate = stream.isConnected && (stream.lagS ?? 0) > 15;
  return (
    <>
      <div role="cell" class="called">
        <a href={link("host", stream.guid)} data-stream={stream.hostname}>
          {stream.hostname}
        </a>
      </div>
      <div role="cell">
        <span class={`dot ${stream.isConnected ? "live" : "gone"}`} aria-hidden="true" /> {stream.isConnected ? "open" : "ended"}
      </div>
      <div role="cell">{stream.isConnected ? perSecond(stream.rowsRate) : "–"}</div>
      <div role="cell">{stream.isConnected ? bytesPerSecond(stream.bytesRate) : "–"}</div>
      <div role="cell">{stream.ratio === null ? "–" : `${stream.ratio.toFixed(1)} : 1`}</div>
      <div role="cell" class={isLate ? "wrong" : undefined}>
        {stream.lagS === null ? "–" : age(stream.lagS)}
      </div>
      <div role="cell">{number(stream.replicated)}</div>
      <div role="cell" class={stream.lost > 0 ? "wrong" : undefined}>
        {number(stream.lost)}
      </div>
      <div role="cell">{number(stream.notTaken)}</div>
      <div role="cell">{number(stream.reconnects)}</div>
    </>
  );
}

function number(value: number): string {
  return value === 0 ? "0" : value < 100_000 ? value.toLocaleString("en") : short(value);
}

// The settings in force; the node leaves out what is secret.
function Settings() {
  const [text, setText] = useState<string | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [isOpen, setOpen] = useState(false);
  const [onlySet, setOnlySet] = useState(true);
  useEffect(() => {
    if (!isOpen || text !== null) return;
    ask(`${route.value.root}netdata.conf`)
      .then((response) => response.text())
      .then(setText)
      .catch((error) => {
        const isRefused = error instanceof Refusal && error.status === 403;
        setWrong(isRefused ? "This address may not read the settings (web.allow_netdata_conf_from)." : "The node does not tell its settings.");
      });
  }, [isOpen]);
  const shown = text === null ? "" : onlySet ? withoutDefaults(text) : text;
  return (
    <details class="settings" onToggle={(event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}>
      <summary>
        <h2>Settings in force</h2>
        <span class="muted">secrets are left out</span>
      </summary>
      {wrong && <p class="wrong">{wrong}</p>}
      {text !== null && (
        <>
          <label>
            <input type="checkbox" checked={onlySet} onChange={(event) => setOnlySet(event.currentTarget.checked)} /> Only what was set
          </label>
          <pre tabIndex={0} aria-label="Settings">
            {shown || "All settings are at their defaults."}
          </pre>
        </>
      )}
    </details>
  );
}
