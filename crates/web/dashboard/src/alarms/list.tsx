// Alarms, and changes of alarms, one a line.

import { useMemo } from "preact/hooks";

import { nodeNow } from "../nodetime.ts";
import { moment } from "../times.ts";
import { age } from "../units.ts";
import { useSeen } from "../virtual.ts";
import type { Alarm, AlarmStatus, LogEntry } from "./alarms.ts";

// Heights of a line, as the style sheet has them.
const LINE = 54;

const WORDS: Record<AlarmStatus, string> = {
  CRITICAL: "critical",
  WARNING: "warning",
  CLEAR: "clear",
  UNDEFINED: "undefined",
  UNINITIALIZED: "waiting",
  REMOVED: "removed",
};

export function StatusMark({ status }: { status: AlarmStatus }) {
  return <span class={`status-mark ${status.toLowerCase()}`}>{WORDS[status] ?? status}</span>;
}

interface Properties {
  alarms: Alarm[];
  chosen: string | null;
  choose: (alarm: Alarm) => void;
  // All are of one host, which need not be told then.
  isOfHost: boolean;
}

export function AlarmList({ alarms, chosen, choose, isOfHost }: Properties) {
  const { whole, first, end } = useSeen<HTMLUListElement>(alarms.length, LINE);
  const now = nodeNow();
  return (
    <ul class="alarmlist" ref={whole} style={{ height: `${alarms.length * LINE}px` }}>
      {alarms.slice(first, end).map((alarm, place) => (
        <li
          key={alarm.key}
          style={{ transform: `translateY(${(first + place) * LINE}px)` }}
          aria-setsize={alarms.length}
          aria-posinset={first + place + 1}
          data-alarm={alarm.name}
        >
          <button type="button" aria-pressed={alarm.key === chosen} onClick={() => choose(alarm)}>
            <StatusMark status={alarm.status} />
            <span class="what">
              <strong>{alarm.name}</strong>
              <span class="about">{isOfHost ? alarm.chartName : `${alarm.hostname}  ·  ${alarm.chartName}`}</span>
            </span>
            <span class="value">
              <span class="told">{alarm.valueText}</span>
              <span class="about">
                {alarm.isSilenced && "silenced · "}
                {alarm.changedS > 0 && age(now - alarm.changedS)}
              </span>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

export function Changes({ entries }: { entries: LogEntry[] }) {
  const { whole, first, end } = useSeen<HTMLUListElement>(entries.length, LINE);
  const now = useMemo(nodeNow, [entries]);
  return (
    <ul class="alarmlist changes" ref={whole} style={{ height: `${entries.length * LINE}px` }}>
      {entries.slice(first, end).map((entry, place) => (
        <li
          key={entry.unique_id}
          style={{ transform: `translateY(${(first + place) * LINE}px)` }}
          aria-setsize={entries.length}
          aria-posinset={first + place + 1}
        >
          <div>
            <span class="when">{moment(entry.when, now)}</span>
            <span class="marks">
              <StatusMark status={entry.old_status} />
              <span aria-label="became">→</span>
              <StatusMark status={entry.status} />
            </span>
            <span class="what">
              <strong>{entry.name}</strong>
              <span class="about">{entry.chart}</span>
            </span>
            <span class="value">
              <span class="told">{entry.value_string}</span>
              <span class="about">{entry.duration > 0 && `after ${age(entry.duration)}`}</span>
            </span>
          </div>
        </li>
      ))}
    </ul>
  );
}
