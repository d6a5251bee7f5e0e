// The menu of hosts: this node's first, then those of the registry.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { useCell } from "../cell.ts";
import { FRESHNESS_WORDS, elsewhere, find, freshness, hosts, nameOf, type Host } from "../hosts.ts";
import { useKeys } from "../keys.ts";
import { go, link, route } from "../route.ts";
import { age, count } from "../units.ts";
import { Caret } from "./icons.tsx";
import { Popover } from "./popover.tsx";
import { Counts } from "./raised.tsx";

// Longer lists want a filter rather than a scroll.
const SHOWN_MAX = 100;

export function HostMenu() {
  const [open, setOpen] = useState(false);
  const [all, { host: name }] = [useCell(hosts), useCell(route)];
  useKeys([{ keys: ["h"], shown: "h", does: "menu of hosts", act: () => setOpen(true) }], []);
  const chosen = name === null ? undefined : find(all ?? [], name);
  const label = chosen?.hostname ?? name ?? (all ? count(all.length, "host") : "Hosts");
  return (
    <Popover
      name="hostmenu"
      label="Hosts"
      open={open}
      setOpen={setOpen}
      button={
        <>
          {chosen && <Dot host={chosen} />}
          <span class="called">{label}</span>
          <Caret />
        </>
      }
    >
      <List all={all ?? []} chosen={chosen} close={() => setOpen(false)} />
    </Popover>
  );
}

export function Dot({ host }: { host: Host }) {
  const state = freshness(host);
  return <span class={`dot ${state}`} role="img" aria-label={FRESHNESS_WORDS[state]} title={FRESHNESS_WORDS[state]} />;
}

function List({ all, chosen, close }: { all: Host[]; chosen: Host | undefined; close: () => void }) {
  const [filter, setFilter] = useState("");
  const others = useCell(elsewhere);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const words = filter.trim().toLowerCase();
  const matching = useMemo(() => all.filter((host) => host.hostname.toLowerCase().includes(words)), [all, words]);
  const shown = matching.slice(0, SHOWN_MAX);
  const seen = others.filter(({ name }) => name.toLowerCase().includes(words));
  const submit = (event: Event) => {
    event.preventDefault();
    // Who types a whole name means that host.
    const meant = shown.find(({ hostname }) => hostname.toLowerCase() === words) ?? shown[0];
    if (!meant) return;
    go(link("host", nameOf(meant, all)));
    close();
  };
  return (
    <form class="hosts" onSubmit={submit}>
      <input
        ref={field}
        type="search"
        placeholder="Filter hosts"
        aria-label="Filter hosts"
        autocomplete="off"
        spellcheck={false}
        value={filter}
        onInput={(event) => setFilter(event.currentTarget.value)}
      />
      <nav aria-label="Hosts" onClick={(event) => (event.target as Element).closest("a") && close()}>
        <h2>On this node</h2>
        {shown.map((host) => (
          <a
            key={host.guid}
            href={link("host", nameOf(host, all))}
            data-host={host.hostname}
            aria-current={host === chosen ? "page" : undefined}
          >
            <Dot host={host} />
            <span class="called">{host.hostname}</span>
            <span class="age">{freshness(host) === "live" ? <Counts raised={host.alarms} /> : age(host.age_s)}</span>
          </a>
        ))}
        {shown.length === 0 && <p class="none">{all.length === 0 ? "No host yet." : "No host is called so."}</p>}
        {matching.length > SHOWN_MAX && <p class="none">{`and ${matching.length - SHOWN_MAX} more: filter to see them`}</p>}
        {seen.length > 0 && <h2>Seen from this browser</h2>}
        {seen.map(({ guid, name, url }) => (
          <a key={guid + url} href={url} target="_blank" rel="noreferrer">
            <span />
            <span class="called">{name}</span>
            <span class="age">{new URL(url).host}</span>
          </a>
        ))}
      </nav>
    </form>
  );
}
