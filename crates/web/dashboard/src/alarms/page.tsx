// The alarms of all hosts, or of the one that the address names.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { get, isAbort, Refusal } from "../api.ts";
import { useCell } from "../cell.ts";
import { everyTick } from "../clock.ts";
import { Search } from "../frame/icons.tsx";
import { find, hosts } from "../hosts.ts";
import { useKeys } from "../keys.ts";
import { call, link, route } from "../route.ts";
import { count } from "../units.ts";
import { setWord, word } from "../view.ts";
import { byUrgency, loadAlarms, matches, type Alarm, type Alarms, type LogEntry } from "./alarms.ts";
import { Detail } from "./detail.tsx";
import { AlarmList, Changes } from "./list.tsx";
import { Silence } from "./silence.tsx";

const TABS = [
  ["active", "Active"],
  ["all", "All"],
  ["log", "Log"],
  ["silence", "Silence"],
] as const;
type Tab = (typeof TABS)[number][0];

const EVERY_S = 5;

export function AlarmsPage() {
  const { host: name } = useCell(route);
  const all = useCell(hosts);
  const host = name === null ? null : (find(all ?? [], name) ?? null);
  const [tab, setTab] = useState<Tab>(() => TABS.map(([tab]) => tab).find((tab) => tab === word("tab")) ?? "active");
  const [chosen, setChosen] = useState<string | null>(() => word("alarm"));
  const [silenced, setSilenced] = useState<Alarm | null>(null);
  useEffect(() => setWord("tab", tab === "active" ? null : tab), [tab]);
  useEffect(() => setWord("alarm", chosen), [chosen]);
  if (name !== null && all !== null && host === null) return <p class="empty">This node knows no host of that name.</p>;
  if (name !== null && host === null) return <p class="waiting">Asking the node for its hosts…</p>;
  const silence = (alarm: Alarm) => {
    setSilenced(alarm);
    setTab("silence");
  };
  return (
    <section class="alarms">
      <header class="pagehead">
        <h1>{host ? `Alarms of ${host.hostname}` : "Alarms of all hosts"}</h1>
        {host && <a href={link("alarms")}>of all hosts</a>}
      </header>
      <div class="switch" role="tablist" aria-label="Alarms">
        {TABS.map(([key, title]) => (
          <button key={key} type="button" role="tab" aria-selected={tab === key} onClick={() => setTab(key)}>
            {title}
          </button>
        ))}
      </div>
      {tab === "silence" && <Silence alarm={silenced} />}
      {tab === "log" && host && <Log guid={host.guid} />}
      {tab === "log" && !host && <Live status="" guid={null} order={byChange} chosen={chosen} setChosen={setChosen} silence={silence} note="Latest change of each alarm, newest first. The whole log is kept by host: choose one in the menu." />}
      {tab === "active" && <Live key="active" status="raised" guid={host?.guid ?? null} order={byUrgency} chosen={chosen} setChosen={setChosen} silence={silence} />}
      {tab === "all" && <Live key="all" status="" guid={host?.guid ?? null} order={byUrgency} chosen={chosen} setChosen={setChosen} silence={silence} />}
    </section>
  );
}

function byChange(a: Alarm, b: Alarm): number {
  return b.changedS - a.changedS || (a.key < b.key ? -1 : 1);
}

interface LiveProperties {
  status: string;
  guid: string | null;
  order: (a: Alarm, b: Alarm) => number;
  chosen: string | null;
  setChosen: (key: string | null) => void;
  silence: (alarm: Alarm) => void;
  note?: string;
}

// Alarms as they are, kept up to date.
function Live({ status, guid, order, chosen, setChosen, silence, note }: LiveProperties) {
  const [known, setKnown] = useState<Alarms | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [search, setSearch] = useSearch();
  useEffect(() => {
    let [due, loading] = [0, false];
    return everyTick((now) => {
      if (loading || now < due) return;
      loading = true;
      loadAlarms(call("v2/alerts"), guid, status)
        .then((answer) => (setKnown(answer), setWrong(null)))
        .catch((error) => error instanceof Refusal && setWrong(error.message))
        .finally(() => ([due, loading] = [now + EVERY_S - 0.5, false]));
    });
  }, [status, guid]);
  const words = wordsOf(search);
  const shown = useMemo(() => (known?.alarms ?? []).filter((alarm) => matches(alarm, words)).sort(order), [known, search, order]);
  const alarm = known?.alarms.find(({ key }) => key === chosen) ?? null;
  if (wrong) return <p class="wrong">{wrong}</p>;
  if (known === null) return <p class="waiting">Asking the node for its alarms…</p>;
  return (
    <div class={alarm ? "panes two" : "panes"} data-ready="1">
      <div class="pane">
        <div class="tools">
          <SearchField hint="alarm, host, chart …" value={search} set={setSearch} />
          <span class="muted">{summary(known, shown)}</span>
        </div>
        {note && <p class="muted note">{note}</p>}
        <AlarmList alarms={shown} chosen={chosen} choose={({ key }) => setChosen(key === chosen ? null : key)} isOfHost={guid !== null} />
        {shown.length === 0 && (
          <p class="empty">
            <strong>{known.alarms.length > 0 ? "No alarm is like that" : status ? "Nothing is raised" : "There are no alarms"}</strong>
            {known.alarms.length === 0 && status ? "All that is watched is well." : ""}
          </p>
        )}
      </div>
      {alarm && <Detail alarm={alarm} close={() => setChosen(null)} silence={silence} />}
    </div>
  );
}

function useSearch(): [string, (text: string) => void] {
  const [search, setSearch] = useState(() => word("q") ?? "");
  useEffect(() => setWord("q", search || null), [search]);
  return [search, setSearch];
}

function SearchField({ hint, value, set }: { hint: string; value: string; set: (text: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  useKeys([{ keys: ["/"], shown: "/", does: "search alarms", act: () => field.current?.focus() }], []);
  return (
    <label class="search">
      <Search />
      <input
        ref={field}
        type="search"
        placeholder={`Search: ${hint}`}
        aria-label="Search alarms"
        autocomplete="off"
        spellcheck={false}
        value={value}
        onInput={(event) => set(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Escape" && (set(""), event.currentTarget.blur())}
      />
    </label>
  );
}

function summary({ alarms, leftOff }: Alarms, shown: Alarm[]): string {
  const critical = shown.filter(({ status }) => status === "CRITICAL").length;
  const parts = [count(shown.length, "alarm")];
  if (critical > 0) parts.push(`${critical} critical`);
  if (leftOff > 0) parts.push(`${leftOff.toLocaleString("en")} more are not listed`);
  else if (shown.length < alarms.length) parts.push(`of ${alarms.length}`);
  return parts.join(", ");
}

function wordsOf(search: string): string[] {
  return search.toLowerCase().split(/\s+/).filter(Boolean);
}

function isLike({ name, chart, status, old_status: before }: LogEntry, words: string[]): boolean {
  const text = [name, chart, status, before].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

function Log({ guid }: { guid: string }) {
  const [search, setSearch] = useSearch();
  const [entries, setEntries] = useState<LogEntry[] | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    let [due, newest] = [0, 0];
    const stop = everyTick((now) => {
      if (now < due) return;
      due = now + EVERY_S - 0.5;
      get<LogEntry[]>(call(`v1/alarm_log?after=${newest}`, guid), leaving.signal)
        .then((answer) => {
          newest = answer[0]?.unique_id ?? newest;
          setEntries((known) => (answer.length > 0 || known === null ? [...answer, ...(known ?? [])] : known));
        })
        .catch((error) => isAbort(error) || undefined);
    });
    return () => (stop(), leaving.abort());
  }, [guid]);
  // That an alarm came to be is no change.
  const changes = useMemo(() => entries?.filter((entry) => entry.status !== entry.old_status && isLike(entry, wordsOf(search))), [entries, search]);
  if (!entries || !changes) return <p class="waiting">Asking the node for the log…</p>;
  return (
    <div data-ready="1">
      <div class="tools">
        <SearchField hint="alarm, chart, status …" value={search} set={setSearch} />
        <span class="muted">{count(changes.length, "change")}</span>
      </div>
      {changes.length === 0 && <p class="empty">{search ? "No change is like that." : "Nothing has changed so far."}</p>}
      <Changes entries={changes} />
    </div>
  );
}
