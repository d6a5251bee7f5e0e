// How many alarms are raised, by severity.

import type { Raised } from "../hosts.ts";
import { count } from "../units.ts";

// Longer numbers would push the rest aside.
const SHOWN_MAX = 999;

export function Counts({ raised: { critical, warning } }: { raised: Raised }) {
  return (
    <>
      {critical > 0 && <Count number={critical} kind="critical" />}
      {warning > 0 && <Count number={warning} kind="warning" />}
    </>
  );
}

function Count({ number, kind }: { number: number; kind: keyof Raised }) {
  return (
    <span class={`alarmcount ${kind}`}>
      {shown(number)}
      <span class="unseen">{` ${kind} `}</span>
    </span>
  );
}

function shown(number: number): string {
  return number > SHOWN_MAX ? `${SHOWN_MAX}+` : String(number);
}

// Empty where nothing is raised.
export function inWords({ critical, warning }: Raised): string {
  return [critical > 0 && `${critical.toLocaleString("en")} critical`, warning > 0 && count(warning, "warning")].filter(Boolean).join(", ");
}
