// The alarms of one host or of all, as the node tells them.

import { get } from "../api.ts";

export type AlarmStatus = "CRITICAL" | "WARNING" | "CLEAR" | "UNDEFINED" | "UNINITIALIZED" | "REMOVED";

export interface Alarm {
  // Unique on this node.
  key: string;
  name: string;
  hostname: string;
  guid: string;
  chart: string;
  chartName: string;
  context: string;
  status: AlarmStatus;
  valueText: string;
  changedS: number;
  info: string;
  isSilenced: boolean;
}

export interface Alarms {
  alarms: Alarm[];
  // How many more there are.
  leftOff: number;
}

interface Answer {
  alert_instances: {
    ni: number;
    nm: string;
    ch: string;
    ch_n: string;
    ctx: string;
    st: AlarmStatus;
    value_string: string;
    tr_t: number;
    info: string;
    silenced: boolean;
  }[];
  left_off: number;
  nodes: { ni: number; nm: string; mg: string }[];
}

// What the page lists at most.
const LISTED_MAX = 2_000;

// Asks for the alarms of a host, or of all; `status` is a list of the API.
export async function loadAlarms(url: string, guid: string | null, status: string): Promise<Alarms> {
  const words = new URLSearchParams({ options: "instances", limit: String(LISTED_MAX) });
  if (status) words.set("status", status);
  if (guid) words.set("nodes", guid);
  const answer = await get<Answer>(`${url}?${words}`);
  const nodes = new Map(answer.nodes.map((node) => [node.ni, node]));
  const alarms = answer.alert_instances.map((alarm): Alarm => {
    const node = nodes.get(alarm.ni);
    return {
      key: `${node?.mg} ${alarm.ch} ${alarm.nm}`,
      name: alarm.nm,
      hostname: node?.nm ?? "",
      guid: node?.mg ?? "",
      chart: alarm.ch,
      chartName: alarm.ch_n || alarm.ch,
      context: alarm.ctx,
      status: alarm.st,
      valueText: alarm.value_string,
      changedS: alarm.tr_t,
      info: alarm.info,
      isSilenced: alarm.silenced,
    };
  });
  return { alarms, leftOff: answer.left_off };
}

// All that the node knows of an alarm's rule.
export interface Rule {
  name: string;
  chart: string;
  status: AlarmStatus;
  value: number | null;
  value_string: string;
  units: string;
  info: string;
  source: string;
  recipient: string;
  update_every: number;
  delay_up_duration: number;
  delay_down_duration: number;
  lookup_method?: string;
  lookup_dimensions?: string | null;
  lookup_after?: number;
  lookup_before?: number;
  lookup_options?: string;
  calc?: string;
  warn?: string;
  crit?: string;
  green: number | null;
  red: number | null;
  silenced: boolean;
}

export interface LogEntry {
  unique_id: number;
  name: string;
  chart: string;
  status: AlarmStatus;
  old_status: AlarmStatus;
  value_string: string;
  old_value_string: string;
  when: number;
  duration: number;
}

const ESCAPES: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'", "&#x2F;": "/", "&#39;": "'", "&amp;": "&" };

// The API escapes expressions for pages that put them into HTML; here they are text.
export function plain(escaped: string | undefined): string {
  return (escaped ?? "").replace(/&(?:lt|gt|quot|amp|#x27|#x2F|#39);/g, (escape) => ESCAPES[escape] ?? escape);
}

const SEVERITY: AlarmStatus[] = ["CRITICAL", "WARNING", "UNDEFINED", "UNINITIALIZED", "CLEAR", "REMOVED"];

// What is worst first, and of those what changed last.
export function byUrgency(a: Alarm, b: Alarm): number {
  return SEVERITY.indexOf(a.status) - SEVERITY.indexOf(b.status) || b.changedS - a.changedS || (a.key < b.key ? -1 : 1);
}

export function matches(alarm: Alarm, words: string[]): boolean {
  const text = [alarm.name, alarm.hostname, alarm.chart, alarm.chartName, alarm.context, alarm.info, alarm.status].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}
