// Dimensions that are hidden, by chart: `hide=system.cpu:nice,iowait;system.ram:free` of the address. They stay hidden
// from host to host, for as long as the page is there.

import { setWord, word } from "../view.ts";

// A longer list is not for an address.
const CHARACTERS_MAX = 1_500;

const hidden = new Map<string, Set<string>>();

export function hiddenOf(chart: string): Set<string> {
  let names = hidden.get(chart);
  if (!names) hidden.set(chart, (names = new Set()));
  return names;
}

// Takes over what the address says; where it says nothing, it is told.
export function meetAddress(): void {
  const text = word("hide");
  if (text === null) return tellAddress();
  hidden.clear();
  for (const [chart, names] of parse(text)) hidden.set(chart, new Set(names));
}

export function tellAddress(): void {
  const text = write(hidden);
  setWord("hide", text.length > CHARACTERS_MAX ? null : text || null);
}

export function write(hidden: Iterable<[string, Iterable<string>]>): string {
  const charts = [...hidden].map(([chart, names]): [string, string[]] => [chart, [...names]]).filter(([, names]) => names.length > 0);
  return charts.map(([chart, names]) => `${escape(chart)}:${names.map(escape).join(",")}`).join(";");
}

export function parse(text: string): [string, string[]][] {
  return text.split(";").flatMap((part): [string, string[]][] => {
    const [chart, names] = part.split(":");
    return chart && names ? [[unescape(chart), names.split(",").map(unescape)]] : [];
  });
}

// Only what would be taken for a mark between names.
function escape(name: string): string {
  return name.replace(/[%:;,]/g, encodeURIComponent);
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
