// Numbers as people read them: the unit that fits their size, and no more digits than they say.

export interface Unit {
  // What stands beside an axis or a value.
  label: string;
  // What a value of the chart is multiplied with.
  factor: number;
}

// Units of one kind, each with the size in the smallest of them.
interface Ladder {
  rungs: [string, number][];
  // The smallest value, in a rung's own unit, that is told in it.
  from: number;
}

const BINARY: Ladder = ladder(["B", "KiB", "MiB", "GiB", "TiB", "PiB"], 1_024);
const DECIMAL: Ladder = ladder(["B", "kB", "MB", "GB", "TB", "PB"], 1_000);
const BITS: Ladder = ladder(["bit", "kbit", "Mbit", "Gbit", "Tbit"], 1_000);
const HERTZ: Ladder = ladder(["Hz", "kHz", "MHz", "GHz"], 1_000);
const TIMES: Ladder = {
  rungs: [["ns", 1e-9], ["µs", 1e-6], ["ms", 1e-3], ["s", 1], ["min", 60], ["h", 3_600], ["d", 86_400]],
  from: 1,
};

function ladder(names: string[], base: number): Ladder {
  return { rungs: names.map((name, place) => [name, base ** place]), from: 1 };
}

// What collectors call their units, with ladder and rung.
const WORDS = new Map<string, [Ladder, string]>([
  ...BINARY.rungs.map(([name]): [string, [Ladder, string]] => [name, [BINARY, name]]),
  ["bytes", [BINARY, "B"]],
  ["byte", [BINARY, "B"]],
  ["kilobytes", [BINARY, "KiB"]],
  ["KB", [BINARY, "KiB"]],
  ["MB", [DECIMAL, "MB"]],
  ["GB", [DECIMAL, "GB"]],
  ["bits", [BITS, "bit"]],
  ["kilobits", [BITS, "kbit"]],
  ["megabits", [BITS, "Mbit"]],
  ["gigabits", [BITS, "Gbit"]],
  ["Hz", [HERTZ, "Hz"]],
  ["kHz", [HERTZ, "kHz"]],
  ["MHz", [HERTZ, "MHz"]],
  ["GHz", [HERTZ, "GHz"]],
  ["nanoseconds", [TIMES, "ns"]],
  ["microseconds", [TIMES, "µs"]],
  ["milliseconds", [TIMES, "ms"]],
  ["ms", [TIMES, "ms"]],
  ["seconds", [TIMES, "s"]],
  ["minutes", [TIMES, "min"]],
  ["hours", [TIMES, "h"]],
]);

// Names that are only spelled otherwise.
const SPELLINGS = new Map([
  ["percentage", "%"],
  ["percent", "%"],
  ["pcent", "%"],
  ["Celsius", "°C"],
  ["Fahrenheit", "°F"],
  ["Watts", "W"],
  ["Watt", "W"],
  ["Volts", "V"],
  ["Volt", "V"],
  ["Amps", "A"],
  ["Ampere", "A"],
  ["Joules", "J"],
]);

// How values of these units are told, where the largest of them is `size`.
export function unitFor(units: string, size: number): Unit {
  const plain = { label: SPELLINGS.get(units) ?? units, factor: 1 };
  const [stem, rate] = units.endsWith("/s") ? [units.slice(0, -2), "/s"] : [units, ""];
  const known = WORDS.get(stem);
  // "ms/s" and the like are shares, not times.
  if (!known || (rate && known[0] === TIMES)) return plain;
  const [{ rungs, from }, name] = known;
  const own = rungs.find(([rung]) => rung === name)![1];
  const absolute = Math.abs(size) * own;
  if (absolute === 0 || !Number.isFinite(absolute)) return { label: name + rate, factor: 1 };
  const rung = rungs.findLast(([, each]) => absolute >= each * from) ?? rungs[0]!;
  return { label: rung[0] + rate, factor: own / rung[1] };
}

const SCALES: [number, string, number][] = [
  [1e12, "T", 1e12],
  [1e9, "G", 1e9],
  [1e6, "M", 1e6],
  [1e4, "k", 1e3],
];

// A number in few characters: 0, 0.42, 12.3, 1234, 45.1k.
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(2);
  const scale = SCALES.find(([least]) => size >= least);
  if (scale) return digits(value / scale[2]) + scale[1];
  if (size > 0 && size < 0.005) return value.toPrecision(1);
  return digits(value);
}

function digits(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return value.toFixed(size >= 999.5 ? 0 : size >= 99.95 ? 1 : 2);
}

// A number beside an axis that reaches to `size` and has a mark each `step`.
export function mark(value: number, step: number, size: number): string {
  if (Math.abs(value) < step / 1e6) return "0";
  const [, suffix, unit] = SCALES.find(([least]) => size >= least) ?? [0, "", 1];
  const scaled = step / unit;
  const places = Math.max(0, Math.ceil(-Math.log10(scaled) - 1e-9));
  // A step of 2.5 wants a digit more than one of 2.
  const more = Math.abs(((scaled * 10 ** places) % 1)) > 1e-6 ? 1 : 0;
  return (value / unit).toFixed(Math.min(places + more, 9)) + suffix;
}

// A value with its own unit.
export function quantity(value: number | null | undefined, units: string): string {
  if (value === null || value === undefined) return "–";
  const { label, factor } = unitFor(units, value);
  return `${short(value * factor)}${label === "%" ? "" : " "}${label}`;
}

export function bytes(value: number): string {
  return quantity(value, "B");
}

const SPANS: [number, string][] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

// A span of time in its two largest parts: 45 s, 5 min, 1 h 30 min, 3 d 4 h.
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const place = SPANS.findIndex(([each]) => whole >= each);
  if (place < 0) return "0 s";
  const [each, name] = SPANS[place]!;
  const count = Math.floor(whole / each);
  const next = SPANS[place + 1];
  const rest = next ? Math.floor((whole % each) / next[0]) : 0;
  return rest > 0 && next ? `${count} ${name} ${rest} ${next[1]}` : `${count} ${name}`;
}

// How long ago, in one word's space.
export function age(seconds: number | null): string {
  if (seconds === null) return "no data";
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
