// The grid of times that rows lie on: all charts with rows as often share one, so that one call brings
// rows of many, and a cursor on one marks the same row on all.

// Steps in seconds, each of which most others divide.
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800,
];
// Five minutes have a row each second, however narrow a chart is.
const ROWS_MIN = 310;
const PIXELS_PER_ROW = 1.5;

export interface Grid {
  // Seconds from row to row.
  step: number;
  // The first row, and the last: seconds since 1970, multiples of the step.
  first: number;
  last: number;
}

// The step that shows `span` seconds on `pixels`.
export function stepFor(span: number, pixels: number): number {
  const rows = Math.max(ROWS_MIN, pixels / PIXELS_PER_ROW);
  return STEPS.find((step) => span / step <= rows) ?? STEPS.at(-1)!;
}

// The step of a chart that has rows each `updateEvery` seconds.
export function ownStep(step: number, updateEvery: number): number {
  const every = Math.max(1, updateEvery);
  return Math.ceil(step / every) * every;
}

// The rows that cover a stretch: each stands for the step that ends with it.
export function gridOf(after: number, before: number, step: number): Grid {
  const last = Math.ceil(before / step) * step;
  return { step, first: Math.min(Math.floor(after / step) * step + step, last), last };
}

export function rowsOf({ step, first, last }: Grid): number {
  return Math.round((last - first) / step) + 1;
}
