// A host in the list.

import { quantity, short, age } from "../units.ts";
import { link } from "../route.ts";
import { between } from "./arrange.ts";
import { Counts, inWords } from "../frame/raised.tsx";
import { STATUS_WORDS, VITALS, type Counts as Alarms, type FleetHost, type Status, type Vital } from "./fleet.ts";
import { Spark } from "./spark.tsx";

const DOTS: Record<Status, string> = { live: "live", stale: "stale", offline: "gone", archived: "gone" };
// The units of what is shown, and what a curve reaches to.
const UNITS: Record<Vital, string> = { cpu: "%", ram: "%", load: "", net: "kilobits/s" };
const TOPS: Partial<Record<Vital, number>> = { cpu: 100, ram: 100 };
export const VITAL_NAMES: Record<Vital, string> = { cpu: "CPU", ram: "RAM", load: "Load", net: "Network" };
const POINT_S = 20;

export function StatusDot({ status }: { status: Status }) {
  return <span class={`dot ${DOTS[status]}`} aria-hidden="true" />;
}

interface Properties {
  host: FleetHost;
  // How addresses call it.
  name: string;
  nameOf: (guid: string) => string;
  line: number;
}

export function HostRow({ host, name, nameOf, line }: Properties) {
  const labels = Object.entries(host.labels).filter(([key]) => !key.startsWith("_"));
  return (
    <>
      <div role="cell" class="called">
        <StatusDot status={host.status} />
        <a href={link("host", name)} data-host={host.hostname} data-line={line} title={host.guid}>
          {host.hostname}
        </a>
        <span class="about">{[host.program, ...labels.slice(0, 3).map(([key, value]) => `${key}:${value}`)].join("  ·  ")}</span>
      </div>
      <div role="cell" class={`status ${host.status}`}>
        {STATUS_WORDS[host.status]}
        {host.status !== "live" && <span class="since"> {age(host.age_s)}</span>}
      </div>
      <div role="cell" class="path">
        <Path host={host} nameOf={nameOf} />
      </div>
      <div role="cell" class="raised">
        <Raised alarms={host.alarms} to={link("alarms", name)} hostname={host.hostname} />
      </div>
      {VITALS.map((vital) => (
        <div role="cell" class={`vital ${vital}`} key={vital}>
          <span class="value">
            <span class="what">{VITAL_NAMES[vital]} </span>
            {amount(vital, host.now[vital])}
          </span>
          <Spark points={host.curves[vital]} top={TOPS[vital]} bridge={Math.floor(host.update_every / POINT_S)} />
        </div>
      ))}
    </>
  );
}

function amount(vital: Vital, value: number | null): string {
  if (value === null) return "–";
  if (UNITS[vital] === "%") return `${value < 10 ? value.toFixed(1) : Math.round(value)}%`;
  return UNITS[vital] ? quantity(value, UNITS[vital]) : short(value);
}

// The nodes that rows of a host pass on their way here.
function Path({ host, nameOf }: { host: FleetHost; nameOf: (guid: string) => string }) {
  if (host.hops === 0) return <span class="muted">this node</span>;
  const nodes = between(host).map(nameOf);
  if (nodes.length > 0) return <span title={`${host.hostname} → ${nodes.join(" → ")} → this node`}>{`via ${nodes.join(" → ")}`}</span>;
  return <span class="muted">{host.hops === 1 ? "direct" : `${host.hops} hops`}</span>;
}

export function Raised({ alarms, to, hostname }: { alarms: Alarms; to?: string; hostname?: string }) {
  const said = inWords(alarms);
  if (!said) return <span class="none">{alarms.normal > 0 ? "✓" : ""}</span>;
  if (!to) {
    return (
      <span title={said}>
        <Counts raised={alarms} />
      </span>
    );
  }
  return (
    <a href={to} title={said}>
      <Counts raised={alarms} />
      <span class="unseen">{` on ${hostname}`}</span>
    </a>
  );
}
