// The page of one host: what is said of it, its sections on the left, and its charts.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { useCell } from "../cell.ts";
import { Feed } from "../data/feed.ts";
import { Search } from "../frame/icons.tsx";
import { find, hosts, type Host } from "../hosts.ts";
import { useKeys } from "../keys.ts";
import { route } from "../route.ts";
import { setWord, word } from "../view.ts";
import { arrange, matches, type Chart } from "./charts.ts";
import { Contents, useCurrent } from "./contents.tsx";
import { Head } from "./head.tsx";
import { meetAddress } from "./hidden.ts";
import { useListing } from "./listing.ts";
import { Overview } from "./overview.tsx";
import { SectionCharts } from "./sections.tsx";

export function HostPage() {
  const { host: name } = useCell(route);
  const all = useCell(hosts);
  const host = all ? find(all, name) : undefined;
  const known = useListing(name, host?.charts ?? 0);
  if (known === null) return <p class="waiting">Asking for the charts…</p>;
  if ("trouble" in known) {
    return (
      <div class="empty">
        <strong>No charts of {name ?? "this node"}</strong>
        {known.trouble}
      </div>
    );
  }
  return <Charts name={name} host={host} charts={known.charts} />;
}

function Charts({ name, host, charts }: { name: string | null; host: Host | undefined; charts: Chart[] }) {
  // Before charts are made.
  useMemo(meetAddress, []);
  const [filter, setFilter] = useState(() => word("find") ?? "");
  useEffect(() => setWord("find", filter || null), [filter]);
  const field = useRef<HTMLInputElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const feed = useFeed(name, content);
  const sections = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    return arrange(charts.filter((chart) => matches(chart, words)));
  }, [charts, filter]);
  const current = useCurrent(content, sections);
  useKeys([{ keys: ["/"], shown: "/", does: "find a chart", act: () => field.current?.focus() }], []);
  return (
    <div class="hostpage">
      <aside class="contents">
        <label class="find">
          <Search />
          <input
            ref={field}
            type="search"
            placeholder="Find a chart"
            aria-label="Find a chart"
            autocomplete="off"
            spellcheck={false}
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
            onKeyDown={(event) => event.key === "Escape" && (setFilter(""), event.currentTarget.blur())}
          />
        </label>
        <Contents sections={sections} current={current} />
      </aside>
      <div class="charts" ref={content}>
        <Head name={name} host={host} charts={charts} />
        <Overview charts={charts} feed={feed} />
        {sections.length === 0 && (
          <p class="empty">
            {filter ? (
              <>
                <strong>No chart matches “{filter}”</strong>
                Words are looked for in titles, names, families, units and dimensions.
              </>
            ) : (
              <>
                <strong>No charts yet</strong>
                They appear here as soon as this host has rows.
              </>
            )}
          </p>
        )}
        {sections.map((section) => (
          <SectionCharts key={section.id} section={section} feed={feed} />
        ))}
      </div>
    </div>
  );
}

// The feed of a host, for as long as the page is there; told how wide its charts are.
function useFeed(name: string | null, content: { current: HTMLDivElement | null }): Feed {
  const feed = useMemo(() => new Feed(name), [name]);
  useLayoutEffect(() => {
    const sized = new ResizeObserver(() => {
      const chart = content.current?.querySelector(".chart");
      if (chart) feed.width = chart.clientWidth;
    });
    sized.observe(content.current!);
    return () => {
      sized.disconnect();
      feed.close();
    };
  }, [feed]);
  return feed;
}
