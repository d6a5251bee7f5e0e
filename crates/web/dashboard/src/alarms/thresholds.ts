// Where an expression such as `$this > (($status >= $WARNING) ? (75) : (85))` changes its mind.
//
// Only comparisons of `$this` with numbers are read, and the choice between two numbers by status that
// keeps alarms from flapping. Of anything else nothing is shown but its text.

import type { AlarmStatus } from "./alarms.ts";

export interface Threshold {
  value: number;
  // Raised above it, or below it.
  above: boolean;
}

const NUMBER = String.raw`\(?\s*(-?\d+(?:\.\d+)?)\s*\)?`;
const COMPARISON = new RegExp(
  String.raw`\$this\s*(>=?|<=?)\s*(?:\(*\s*\$status\s*(>=?|==|<=?)\s*\$(CLEAR|WARNING|CRITICAL)\s*\)?\s*\?\s*${NUMBER}\s*:\s*${NUMBER}|${NUMBER})`,
  "g",
);
const LEVELS: Record<string, number> = { REMOVED: -2, UNDEFINED: -1, UNINITIALIZED: 0, CLEAR: 1, WARNING: 3, CRITICAL: 4 };

export function thresholds(expression: string, status: AlarmStatus): Threshold[] {
  return [...expression.matchAll(COMPARISON)].map(([, is, how, than, yes, no, number]) => {
    const chosen = number ?? (holds(LEVELS[status]!, how!, LEVELS[than!]!) ? yes : no);
    return { value: Number(chosen), above: is!.startsWith(">") };
  });
}

function holds(level: number, how: string, than: number): boolean {
  switch (how) {
    case ">":
      return level > than;
    case ">=":
      return level >= than;
    case "<":
      return level < than;
    case "<=":
      return level <= than;
    default:
      return level === than;
  }
}
