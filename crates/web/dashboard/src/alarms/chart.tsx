// What an alarm looks at, over the last half hour, with the values at which it is raised.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { mark, short, unitFor } from "../units.ts";
import { clock } from "../times.ts";
import type { Threshold } from "./thresholds.ts";

export interface Level extends Threshold {
  kind: "warning" | "critical";
}

interface Properties {
  // Seconds since 1970, then values; oldest first.
  rows: (number | null)[][];
  names: string[];
  units: string;
  levels: Level[];
  label: string;
}

const HEIGHT = 190;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 10, 10, 22];

export function AlarmChart({ rows, names, units, levels, label }: Properties) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [hovered, setHovered] = useState<number | null>(null);
  const scale = useMemo(() => scales(rows, levels, width, units), [rows, levels, width, units]);
  if (rows.length === 0) return <p class="muted">The chart has no rows of the last half hour.</p>;
  const { x, y, marks, times, unit } = scale;
  const row = hovered === null ? null : (rows[hovered] ?? null);
  const hover = (event: PointerEvent) => {
    const at = (event.offsetX - LEFT) / Math.max(width - LEFT - RIGHT, 1);
    setHovered(Math.min(Math.max(Math.round(at * (rows.length - 1)), 0), rows.length - 1));
  };
  return (
    <figure class="alarmchart" ref={box}>
      <svg width={width} height={HEIGHT} role="img" aria-label={label} onPointerMove={hover} onPointerLeave={() => setHovered(null)}>
        {marks.map(([value, text]) => (
          <g key={value}>
            <path class="gridline" d={`M${LEFT} ${y(value)}H${width - RIGHT}`} />
            <text x={LEFT - 7} y={y(value) + 4} text-anchor="end">
              {text}
            </text>
          </g>
        ))}
        {times.map((time) => (
          <text key={time} x={x(time)} y={HEIGHT - 5} text-anchor="middle">
            {clock(time, false)}
          </text>
        ))}
        {levels.map(({ value, above, kind }, place) => (
          <g key={place} class={`level ${kind}`}>
            <rect x={LEFT} width={Math.max(width - LEFT - RIGHT, 0)} y={above ? TOP : y(value)} height={Math.max(above ? y(value) - TOP : HEIGHT - BOTTOM - y(value), 0)} />
            <path d={`M${LEFT} ${y(value)}H${width - RIGHT}`} />
            {/* Warnings at the left, what is critical at the right: lines may be close. */}
            <text x={kind === "warning" ? LEFT + 4 : width - RIGHT - 4} y={y(value) + (above ? -4 : 13)} text-anchor={kind === "warning" ? "start" : "end"}>
              {`${kind} ${above ? ">" : "<"} ${short(value * unit.factor)}`}
            </text>
          </g>
        ))}
        {names.map((name, place) => (
          <path key={name} class={`series series-${place % 6}`} d={path(rows, place + 1, x, y)} />
        ))}
        {row && <path class="cursor" d={`M${x(row[0]!)} ${TOP}V${HEIGHT - BOTTOM}`} />}
      </svg>
      <figcaption>
        {names.map((name, place) => (
          <span key={name}>
            <i class={`swatch series-${place % 6}`} />
            {name} <strong>{short(scaled((row ?? rows.at(-1)!)[place + 1], unit.factor))}</strong>
          </span>
        ))}
        <span class="muted">{`${unit.label}${row ? `, ${clock(row[0]!)}` : ""}`}</span>
      </figcaption>
    </figure>
  );
}

function scaled(value: number | null | undefined, factor: number): number | null {
  return value === null || value === undefined ? null : value * factor;
}

function useWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(560);
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry!.contentRect.width)));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [box.current]);
  return width;
}

function scales(rows: (number | null)[][], levels: Level[], width: number, units: string) {
  const values = rows.flatMap((row) => row.slice(1).filter((value) => value !== null));
  const all = [0, ...values, ...levels.map(({ value }) => value)];
  // No spread, as an array of many would overflow the stack.
  const [least, most] = all.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [0, 0]);
  const room = (most - least || 1) * 0.12;
  const [low, high] = [least < 0 ? least - room : 0, most > 0 ? most + room : room];
  const [first, last] = [rows[0]?.[0] ?? 0, rows.at(-1)?.[0] ?? 1];
  const x = (time: number) => LEFT + ((time - first) / Math.max(last - first, 1)) * Math.max(width - LEFT - RIGHT, 1);
  const y = (value: number) => TOP + (1 - (value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const unit = unitFor(units, Math.max(Math.abs(low), Math.abs(high)));
  const size = Math.max(Math.abs(low), Math.abs(high)) * unit.factor;
  const step = nice(((high - low) * unit.factor) / 4);
  const marks: [number, string][] = [];
  for (let value = Math.ceil((low * unit.factor) / step) * step; value <= high * unit.factor; value += step) {
    marks.push([value / unit.factor, mark(value, step, size)]);
  }
  const every = [300, 600, 900].find((seconds) => ((last - first) / seconds) * 64 < width) ?? 1_800;
  const times: number[] = [];
  for (let time = Math.ceil(first / every) * every; time <= last; time += every) {
    if (x(time) > LEFT + 10 && x(time) < width - 24) times.push(time);
  }
  return { x, y, marks, times, unit };
}

// 1, 2 or 5 times a power of ten, not less than `step`.
function nice(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return ([1, 2, 5].find((digit) => digit * power >= step) ?? 10) * power;
}

function path(rows: (number | null)[][], place: number, x: (time: number) => number, y: (value: number) => number): string {
  let [text, isOn] = ["", false];
  for (const row of rows) {
    const value = row[place];
    if (value !== null && value !== undefined) text += `${isOn ? "L" : "M"}${x(row[0]!).toFixed(1)} ${y(value).toFixed(1)}`;
    isOn = value !== null && value !== undefined;
  }
  return text;
}
