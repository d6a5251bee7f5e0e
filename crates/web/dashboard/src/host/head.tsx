// What is said of a host above its charts.

import { useCell } from "../cell.ts";
import { Dot } from "../frame/hostmenu.tsx";
import { show } from "../frame/timecontrol.tsx";
import { freshness, type Host } from "../hosts.ts";
import { nodeNow } from "../nodetime.ts";
import { moment } from "../times.ts";
import { age, count } from "../units.ts";
import { bounds, fixed, span, view } from "../view.ts";
import type { Chart } from "./charts.ts";

export function Head({ name, host, charts }: { name: string | null; host: Host | undefined; charts: Chart[] }) {
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
