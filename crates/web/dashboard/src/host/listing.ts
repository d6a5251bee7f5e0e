// The list of a host's charts, asked for again when it changed.

import { useEffect, useRef, useState } from "preact/hooks";

import { Refusal, get } from "../api.ts";
import { everyTick } from "../clock.ts";
import { call, route } from "../route.ts";
import type { Chart, Listing } from "./charts.ts";

// Lists of charts change when charts come or go, which the list of hosts tells.
const LIST_EVERY_S = 60;
const NO_ROWS = "This node does not know a host of that name, or keeps no rows of it and only passes it on.";

// The list that the address wants, asked for while there is no page yet.
let early: { name: string | null; answer: Promise<Listing> } | null = null;

export function askEarly(): void {
  const { page, host } = route.value;
  if (page !== "host") return;
  early = { name: host, answer: ask(host) };
  // Whoever takes it learns of a failure; nobody else is interested.
  early.answer.catch(() => undefined);
}

function ask(name: string | null, signal?: AbortSignal): Promise<Listing> {
  return get<Listing>(call("v1/charts", name), signal);
}

function taken(name: string | null, signal: AbortSignal): Promise<Listing> {
  const answer = early?.name === name ? early.answer : ask(name, signal);
  early = null;
  return answer;
}

export type Known = { charts: Chart[] } | { trouble: string } | null;

// The charts of a host, asked for again when their number changed, and now and then.
export function useListing(name: string | null, number: number): Known {
  const [known, setKnown] = useState<Known>(null);
  const asked = useRef({ number: -1, at: -Infinity, isAsking: false });
  useEffect(() => {
    const abort = new AbortController();
    asked.current = { number: -1, at: -Infinity, isAsking: false };
    const stop = everyTick((now) => {
      const last = asked.current;
      if (last.isAsking || (now - last.at < LIST_EVERY_S && (last.number === latest.current || now - last.at < 5))) return;
      asked.current = { number: latest.current, at: now, isAsking: true };
      taken(name, abort.signal)
        .then(({ charts }) => setKnown((old) => keptIfSame(old, Object.values(charts))))
        .catch((error) => {
          if (error instanceof Refusal && error.status === 404) setKnown({ trouble: NO_ROWS });
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
