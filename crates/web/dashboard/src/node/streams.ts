// What streams carry: the node counts, and the difference between two counts is a rate.

export interface Carried {
  connected: number;
  streams: number;
  reconnects: number;
  rows: number;
  rows_replicated: number;
  rows_lost: number;
  rows_ignored?: number;
  rows_refused?: number;
  bytes: number;
  text_bytes: number;
  lag_s?: number | null;
}

export interface StreamsAnswer {
  now_s: number;
  totals: Record<Direction, Carried>;
  hosts: {
    guid: string;
    hostname: string;
    hops: number;
    lag_s: number | null;
    in: Carried | null;
    out: Carried | null;
  }[];
}

export type Direction = "in" | "out";

// A stream as the page shows it; rates are per second, `null` until there are two counts.
export interface Stream {
  guid: string;
  hostname: string;
  isConnected: boolean;
  rowsRate: number | null;
  bytesRate: number | null;
  // How many bytes of text one byte on the wire is.
  ratio: number | null;
  lagS: number | null;
  replicated: number;
  lost: number;
  notTaken: number;
  reconnects: number;
}

interface Sample {
  atMs: number;
  counts: Map<string, Carried>;
}

// Rates are over so long.
const SPAN_MS = 10_000;

// Remembers what was counted a while ago.
export class Rates {
  #samples: Sample[] = [];

  note(answer: StreamsAnswer, atMs: number): void {
    const counts = new Map<string, Carried>();
    for (const direction of ["in", "out"] as const) {
      counts.set(direction, answer.totals[direction]);
      for (const host of answer.hosts) {
        const carried = host[direction];
        if (carried) counts.set(`${direction} ${host.guid}`, carried);
      }
    }
    this.#samples.push({ atMs, counts });
    while (this.#samples.length > 2 && atMs - this.#samples[1]!.atMs >= SPAN_MS) this.#samples.shift();
  }

  // How fast a count rises, per second.
  rate(name: string, of: "rows" | "bytes"): number | null {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const [before, now] = [first?.counts.get(name), last?.counts.get(name)];
    if (!before || !now || !first || !last || first === last) return null;
    return Math.max(0, now[of] - before[of]) / ((last.atMs - first.atMs) / 1_000);
  }
}

export function ratio({ bytes, text_bytes: text }: Carried): number | null {
  return bytes > 0 ? text / bytes : null;
}

export function streams(answer: StreamsAnswer, direction: Direction, rates: Rates): Stream[] {
  return answer.hosts.flatMap((host) => {
    const carried = host[direction];
    if (!carried) return [];
    const name = `${direction} ${host.guid}`;
    return {
      guid: host.guid,
      hostname: host.hostname,
      isConnected: carried.connected > 0,
      rowsRate: rates.rate(name, "rows"),
      bytesRate: rates.rate(name, "bytes"),
      ratio: ratio(carried),
      lagS: direction === "in" ? host.lag_s : (carried.lag_s ?? null),
      replicated: carried.rows_replicated,
      lost: carried.rows_lost,
      notTaken: (carried.rows_ignored ?? 0) + (carried.rows_refused ?? 0),
      reconnects: carried.reconnects,
    };
  });
}

export type StreamKey = Exclude<keyof Stream, "guid">;

const NAMES = new Intl.Collator("en", { numeric: true });

// In the order of a column; what has no number comes last.
export function ordered(all: Stream[], key: StreamKey, descending: boolean): Stream[] {
  const sign = descending ? -1 : 1;
  return [...all].sort((a, b) => {
    const byName = NAMES.compare(a.hostname, b.hostname) || (a.guid < b.guid ? -1 : 1);
    if (key === "hostname") return sign * byName;
    const [x, y] = [a[key], b[key]];
    if (x === null || y === null) return Number(x === null) - Number(y === null) || byName;
    return sign * (Number(x) - Number(y)) || byName;
  });
}
