// The list of a host's charts, asked for again when it changed.

import { useEffect, useRef, useState } from "preact/hooks";

import { Refusal, get } from "../api.ts";
import { everyTick } from "../clock.ts";
import { call } from "../route.ts";
import type { Chart, Listing } from "./charts.ts";

// Lists of charts change when charts come or go, which the list of hosts tells.
const LIST_EVERY_S = 60;
const NO_ROWS = "This node does not know a host of that name, or keeps no rows of it and only passes it on.";

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
      get<Listing>(call("v1/charts", name), abort.signal)
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
