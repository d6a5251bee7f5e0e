// Processor, memory, load, network and disks of a host in one line above its charts; each leads to its chart.
//
// Values are those under the cursor, or the newest in sight. Rows come with those of the charts: nothing more is asked.

import { useLayoutEffect, useMemo, useState } from "preact/hooks";

import type { Feed } from "../data/feed.ts";
import type { Series } from "../data/series.ts";
import { quantity, short } from "../units.ts";
import { setWord, view } from "../view.ts";
import type { Chart } from "./charts.ts";
import { arrive } from "./contents.tsx";
import { cursor } from "./cursor.ts";
import { VITALS, chartOf, coresOf, reading, type Reading, type Vital } from "./vitals.ts";

// Rows that may be missing at the end before nothing is current.
const LATE_S = 10;
const LATE_ROWS = 4;
// Shares from which on a dial warns.
const BUSY = 80;
const FULL = 95;

export function Overview({ charts, feed }: { charts: Chart[]; feed: Feed }) {
  const shown = useMemo(() => {
    const byId = new Map(charts.map((chart) => [chart.id, chart]));
    return VITALS.flatMap((vital) => {
      const chart = chartOf(vital, byId);
      return chart ? [{ vital, chart }] : [];
    });
  }, [charts]);
  const cores = useMemo(() => coresOf(charts), [charts]);
  if (shown.length === 0) return null;
  return (
    <ul class="overview" aria-label="Overview">
      {shown.map(({ vital, chart }) => (
        <li key={vital.name}>
          <Tile vital={vital} chart={chart} feed={feed} cores={cores} />
        </li>
      ))}
    </ul>
  );
}

interface TileProperties {
  vital: Vital;
  chart: Chart;
  feed: Feed;
  cores: number;
}

function Tile({ vital, chart, feed, cores }: TileProperties) {
  const read = useReading(vital, chart, feed);
  const show = () => {
    arrive(chart.id, "auto");
    setWord("at", chart.id);
  };
  return (
    <button type="button" onClick={show} title={`To ${chart.name}`} data-vital={vital.name}>
      {vital.rule === "flows" ? <Flows vital={vital} units={chart.units} read={read} /> : <Dial vital={vital} read={read} cores={cores} />}
    </button>
  );
}

// What the chart's rows tell, with each that comes and where the cursor goes.
function useReading({ rule }: Vital, chart: Chart, feed: Feed): Reading | null {
  const [read, setRead] = useState<Reading | null>(null);
  // Before the first frame: what the first chart shows is asked for with it.
  useLayoutEffect(() => {
    let known: Series | null = null;
    let edge = 0;
    const tell = () => known && setRead(reading(rule, known, rowOf(known, edge)));
    const viewer = {
      id: chart.id,
      updateEvery: Math.max(1, chart.update_every),
      show: (series: Series, end: number) => (([known, edge] = [series, end]), tell()),
      move: (end: number) => ((edge = end), tell()),
    };
    feed.add(viewer);
    const stop = cursor.watch(tell);
    return () => (stop(), feed.drop(viewer));
  }, [rule, chart, feed]);
  return read;
}

// The row under the cursor; `undefined` for the newest one, -1 where that is too old to be current.
function rowOf({ grid, newest, times }: Series, edge: number): number | undefined {
  if (cursor.value === null) {
    const isLate = view.value.live && edge - newest > Math.max(LATE_S, LATE_ROWS * grid.step);
    return isLate ? -1 : undefined;
  }
  const row = Math.round((cursor.value - grid.first) / grid.step);
  return row >= 0 && row < times.length ? row : -1;
}

// Three quarters of a circle, and how far along them it is.
const ARC = "M8.7 35.3A19 19 0 1 1 35.3 35.3";
const ARC_LENGTH = 89.6;

function Dial({ vital, read, cores }: { vital: Vital; read: Reading | null; cores: number }) {
  const value = read?.values[0] ?? null;
  const isShare = vital.rule !== "first";
  // A load of one for each processor is full; where their number is unknown, the highest in sight is.
  const full = isShare ? 100 : cores || (read?.tops[0] ?? 0) || 1;
  const share = value === null ? 0 : Math.min(100, (100 * value) / full);
  const isKnown = isShare || cores > 0;
  const state = !isKnown || share < BUSY ? "" : share < FULL ? " busy" : " full";
  return (
    <>
      <svg class={`dial${state}`} viewBox="0 0 44 44" width="44" height="44" aria-hidden="true">
        <path class="scale" d={ARC} />
        <path class="hand" d={ARC} stroke-dasharray={`${(share / 100) * ARC_LENGTH} 200`} visibility={share > 0 ? "visible" : "hidden"} />
      </svg>
      <span class="reading">
        <span class="name">{vital.name}</span>
        <strong>{value === null ? "–" : isShare ? `${percent(value)}%` : short(value)}</strong>
        {!isShare && cores > 0 && <small>{`of ${cores}`}</small>}
      </span>
    </>
  );
}

function percent(value: number): string {
  return value < 9.95 ? value.toFixed(1) : String(Math.round(value));
}

const [WIDTH, HEIGHT] = [88, 40];

// What comes in is drawn above the middle, what goes out below it.
function Flows({ vital, units, read }: { vital: Vital; units: string; read: Reading | null }) {
  const [inward, outward] = vital.ways!;
  const top = Math.max(...(read?.tops ?? []), 0);
  return (
    <>
      <span class="reading">
        <span class="name">{vital.name}</span>
        {[inward, outward].map((way, place) => (
          <span class="flow" key={way}>
            <i class={`swatch way-${place}`} />
            <small>{way}</small>
            <strong>{quantity(read?.values[place], units)}</strong>
          </span>
        ))}
      </span>
      <svg class="flows" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="middle" d={`M0 ${HEIGHT / 2}H${WIDTH}`} />
        {read?.curves.map((points, place) => (
          <path key={place} class={`way-${place}`} d={areas(points, top, place === 0 ? -1 : 1)} />
        ))}
      </svg>
    </>
  );
}

// Areas between the middle and the points, one for each run without a gap.
function areas(points: (number | null)[], top: number, direction: number): string {
  const [middle, step] = [HEIGHT / 2, WIDTH / Math.max(points.length, 1)];
  const scale = top > 0 ? (direction * (middle - 1)) / top : 0;
  return points
    .map((point, place) => {
      if (!point) return "";
      const y = (middle + point * scale).toFixed(1);
      return `M${(place * step).toFixed(1)} ${middle}V${y}H${((place + 1) * step).toFixed(1)}V${middle}Z`;
    })
    .join("");
}
