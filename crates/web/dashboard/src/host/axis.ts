// Marks of an axis: where they stand, and what stands beside them.

import { clock, day } from "../times.ts";
import { mark } from "../units.ts";

const NICE = [1, 2, 2.5, 5, 10];

// A step that puts about `marks` of them onto `size`.
export function niceStep(size: number, marks: number): number {
  const raw = size / Math.max(1, marks);
  const power = 10 ** Math.floor(Math.log10(raw));
  return (NICE.find((nice) => nice * power >= raw * 0.999) ?? 10) * power;
}

// How far an axis of values from `min` to `max` reaches. It holds zero, unless that would squeeze a line
// that is far from it; and it ends at round numbers, so that it stands still while values move. It does not go
// beyond `full`, unless values do.
export function reach(min: number, max: number, isLine: boolean, full = Infinity): [number, number] {
  if (!Number.isFinite(min) || !Number.isFinite(max) || (min === 0 && max === 0)) return [0, 1];
  const isFar = isLine && min > 0 && max - min < max * 0.3;
  let [low, high] = isFar ? [min, max] : [Math.min(0, min), Math.max(0, max)];
  if (low === high) [low, high] = [low * 0.99, high * 1.01];
  const step = niceStep(high - low, 8);
  // A value at the very edge would be hard to see.
  const margin = (high - low) * 0.03;
  const least = low === 0 ? 0 : Math.floor((low - margin) / step) * step;
  const most = high === 0 ? 0 : Math.ceil((high + margin) / step) * step;
  // Sums of shares are not always whole.
  return [least, max <= full * 1.005 ? Math.min(most, full) : most];
}

// Values to mark, in the chart's own unit, round in the one that is shown.
export function valueMarks(min: number, max: number, factor: number, pixels: number): number[] {
  const step = niceStep((max - min) * factor, pixels / 34) / factor;
  const marks: number[] = [];
  // The sum makes zero of what would be -0.
  for (let place = Math.ceil(min / step - 1e-6) + 0; place * step <= max + step * 1e-6; place++) marks.push(place * step);
  return marks;
}

export function valueTexts(marks: number[], factor: number): string[] {
  const step = (marks[1]! - marks[0]!) * factor || 1;
  const size = Math.max(...marks.map((value) => Math.abs(value * factor)));
  return marks.map((value) => mark(value * factor, step, size));
}

const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
  1_209_600, 2_592_000,
];

// Moments to mark: round ones of the browser's zone.
export function timeMarks(after: number, before: number, pixels: number): number[] {
  const least = (before - after) / Math.max(1, pixels / 84);
  const step = TIME_STEPS.find((step) => step >= least) ?? TIME_STEPS.at(-1)!;
  const zone = -new Date(after * 1_000).getTimezoneOffset() * 60;
  // A text at the very end would be cut.
  const margin = ((before - after) / pixels) * 20;
  const marks: number[] = [];
  for (let time = Math.ceil((after + margin + zone) / step) * step - zone; time <= before - margin; time += step) {
    marks.push(time);
  }
  return marks;
}

export function timeTexts(marks: number[]): string[] {
  const step = (marks[1] ?? 0) - (marks[0] ?? 0);
  return marks.map((time) => {
    const isMidnight = clock(time) === "00:00:00";
    if (step >= 86_400 || (isMidnight && step >= 60)) return day(time, time);
    return clock(time, step > 0 && step < 60);
  });
}
