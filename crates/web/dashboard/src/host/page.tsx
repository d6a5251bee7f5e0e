// The page of one host: its state, its sections on the left, and its charts, of which only those near what is
// visible are there.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { Refusal, get } from "../api.ts";
import { useCell } from "../cell.ts";
import { everyTick } from "../clock.ts";
import { Feed } from "../data/feed.ts";
import { Dot } from "../frame/hostmenu.tsx";
import { Search } from "../frame/icons.tsx";
import { show } from "../frame/timecontrol.tsx";
import { find, freshness, hosts, type Host } from "../hosts.ts";
import { useKeys } from "../keys.ts";
import { nodeNow } from "../nodetime.ts";
import { call, route } from "../route.ts";
import { moment } from "../times.ts";
import { age, count } from "../units.ts";
import { bounds, fixed, setWord, span, view, word } from "../view.ts";
import { Card } from "./card.ts";
import { arrange, matches, type Chart, type Listing, type Section } from "./charts.ts";

// Lists of charts change when charts come or go, which the list of hosts tells.
const LIST_EVERY_S = 60;

type Known = { charts: Chart[] } | { trouble: string } | null;

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

// The charts of a host, asked for again when their number changed, and now and then.
function useListing(name: string | null, number: number): Known {
  const [known, setKnown] = useState<Known>(null);
  const asked = useRef({ number: -1, at: -Infinity, isAsking: false });
  useEffect(() => {
    const abort = new AbortController();
    asked.current = { number: -1, at: -Infinity, isAsking: false };
    const stop = everyTick((now) => {
      const last = asked.current;
      if (last.isAsking || (now - last.at < LIST_EVERY_S && (last.number === latest.current || now - last.at < 5))) return;
      asked.current = { number: latest.current, at: now, isAsking: true };
      get<Listing>(call("v1/charts", name), abort.signal)
        .then(({ charts }) => setKnown((old) => keptIfSame(old, Object.values(charts))))
        .catch((error) => {
          if (error instanceof Refusal && error.status === 404) setKnown({ trouble: error.message });
          else asked.current.at = -Infinity;
        })
        .finally(() => (asked.current.isAsking = false));
    });
    return () => {
      stop();
      abort.abort();
    };
  }, [name]);
  const latest = useRef(number);
  latest.current = number;
  return known;
}

// The old list, where the new one would show the same.
function keptIfSame(old: Known, charts: Chart[]): Known {
  if (old === null || "trouble" in old || old.charts.length !== charts.length) return { charts };
  const said = ({ id, title, family, units, chart_type, priority, update_every }: Chart) =>
    [id, title, family, units, chart_type, priority, update_every].join("\n");
  return old.charts.every((chart, place) => said(chart) === said(charts[place]!)) ? old : { charts };
}

function Charts({ name, host, charts }: { name: string | null; host: Host | undefined; charts: Chart[] }) {
  const [filter, setFilter] = useState("");
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

function Head({ name, host, charts }: { name: string | null; host: Host | undefined; charts: Chart[] }) {
  const current = useCell(view);
  const now = nodeNow();
  const first = charts.reduce((least, chart) => (chart.first_entry > 0 ? Math.min(least, chart.first_entry) : least), Infinity);
  const state = host ? freshness(host) : "live";
  const isPast = current.live && host !== undefined && host.newest_s > 0 && bounds(current, now)[0] > host.newest_s;
  const jump = () => show(fixed(host!.newest_s - span(view.value) * 0.9, host!.newest_s + span(view.value) * 0.1));
  return (
    <>
      {host && state !== "live" && (
        <p class="notice" role="status">
          <span>
            {state === "gone" ? "This host does not stream to this node now. " : "This host lags behind. "}
            {host.newest_s > 0 ? `Its newest row is of ${moment(host.newest_s, now)}, ${age(host.age_s)} ago.` : "No row of it is here."}
          </span>
          {isPast && (
            <button type="button" onClick={jump}>
              Show its last rows
            </button>
          )}
        </p>
      )}
      <header class="head">
        <h1>
          {host && <Dot host={host} />} {host?.hostname ?? name ?? "This node"}
        </h1>
        <p>
          {[
            host?.os,
            host?.program,
            host && host.hops > 0 ? count(host.hops, "hop") : "",
            count(charts.length, "chart"),
            Number.isFinite(first) ? `since ${moment(first, now)}` : "",
          ]
            .filter(Boolean)
            .join(" · ")}
        </p>
      </header>
    </>
  );
}

function Contents({ sections, current }: { sections: Section[]; current: string | null }) {
  const open = current?.split("\n")[0] ?? sections[0]?.id;
  return (
    <nav aria-label="Sections">
      <ul>
        {sections.map((section) => (
          <li key={section.id}>
            <a href={`#${section.id}`} onClick={(event) => jumpTo(event, section.id)} aria-current={section.id === open ? "true" : undefined}>
              <span>{section.name}</span>
              <small>{section.count}</small>
            </a>
            {section.id === open && section.families.length > 1 && (
              <ul>
                {section.families.map((family) => (
                  <li key={family.id}>
                    <a
                      href={`#${family.id}`}
                      onClick={(event) => jumpTo(event, family.id)}
                      aria-current={`${section.id}\n${family.id}` === current ? "true" : undefined}
                    >
                      {family.name}
                    </a>
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
    </nav>
  );
}

function place(id: string): HTMLElement | null {
  return document.querySelector(`[data-place="${CSS.escape(id)}"]`);
}

// Shows a section or a family; the first of a section with the section's heading.
function arrive(id: string, behavior: ScrollBehavior): void {
  const element = place(id);
  const heading = element?.previousElementSibling;
  (heading instanceof HTMLHeadingElement ? heading : element)?.scrollIntoView({ behavior });
}

function jumpTo(event: Event, id: string): void {
  event.preventDefault();
  arrive(id, "auto");
  setWord("at", id);
}

// Which section and family is on top, as `section\nfamily`; the address says it, too.
function useCurrent(content: { current: HTMLElement | null }, sections: Section[]): string | null {
  const [current, setCurrent] = useState<string | null>(null);
  const isPlaced = useRef(false);
  useEffect(() => {
    if (!isPlaced.current && sections.length > 0 && content.current) {
      isPlaced.current = true;
      const at = word("at");
      if (at) requestAnimationFrame(() => arrive(at, "instant"));
    }
    let isDue = false;
    const look = () => {
      isDue = false;
      const line = innerHeight / 3;
      const families = [...(content.current?.querySelectorAll<HTMLElement>("[data-family]") ?? [])];
      const top = families.findLast((element) => element.getBoundingClientRect().top <= line) ?? families[0];
      if (!top) return setCurrent(null);
      setCurrent(`${top.dataset.section}\n${top.dataset.family}`);
      if (isPlaced.current) setWord("at", scrollY < 200 ? null : top.dataset.family!);
    };
    const later = () => {
      if (!isDue) setTimeout(look, 120);
      isDue = true;
    };
    addEventListener("scroll", later, { passive: true });
    later();
    return () => removeEventListener("scroll", later);
  }, [sections]);
  return current;
}

function SectionCharts({ section, feed }: { section: Section; feed: Feed }) {
  return (
    <section aria-labelledby={`section-${section.id}`}>
      <h2 id={`section-${section.id}`} data-place={section.id}>
        {section.name}
      </h2>
      {section.families.map((family) => (
        <div key={family.id} class="family" data-place={family.id} data-family={family.id} data-section={section.id}>
          {section.families.length > 1 && <h3>{family.name}</h3>}
          <div class="cards">
            {family.charts.map((chart) => (
              <ChartCard key={chart.id} chart={chart} feed={feed} />
            ))}
          </div>
        </div>
      ))}
    </section>
  );
}

// One observer for all: what comes near is made, what goes far is unmade.
const near = new Map<Element, (isNear: boolean) => void>();
const observer = new IntersectionObserver(
  (entries) => entries.forEach(({ target, isIntersecting }) => near.get(target)?.(isIntersecting)),
  { rootMargin: "240px 0px" },
);

function ChartCard({ chart, feed }: { chart: Chart; feed: Feed }) {
  const element = useRef<HTMLElement>(null);
  // Before the first frame, so that rows are asked for with it.
  useLayoutEffect(() => {
    const target = element.current!;
    let card: Card | null = null;
    near.set(target, (isNear) => {
      if (isNear) card ??= new Card(target, chart, feed);
      else {
        card?.close();
        card = null;
      }
    });
    observer.observe(target);
    return () => {
      observer.unobserve(target);
      near.delete(target);
      card?.close();
    };
  }, [chart, feed]);
  return <figure ref={element} class="chart" data-chart={chart.id} />;
}
