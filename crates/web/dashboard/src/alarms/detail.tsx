// One alarm: what it looks at, when it is raised, who is told.

import { useEffect, useState } from "preact/hooks";

import { get, isAbort } from "../api.ts";
import { Cross } from "../frame/icons.tsx";
import { nodeNow } from "../nodetime.ts";
import { call, link } from "../route.ts";
import { moment } from "../times.ts";
import { count, duration } from "../units.ts";
import { plain, type Alarm, type Rule } from "./alarms.ts";
import { AlarmChart, type Level } from "./chart.tsx";
import { StatusMark } from "./list.tsx";
import { thresholds } from "./thresholds.ts";

const SHOWN_S = 1_800;
const POINTS = 180;
const LINES_MAX = 6;

interface Data {
  rows: (number | null)[][];
  names: string[];
}

interface Properties {
  alarm: Alarm;
  close: () => void;
  silence: (alarm: Alarm) => void;
}

export function Detail({ alarm, close, silence }: Properties) {
  const rule = useRule(alarm);
  const data = useData(alarm, rule);
  const levels = rule ? levelsOf(rule) : [];
  const now = nodeNow();
  return (
    <article class="detail" aria-label={`Alarm ${alarm.name} of ${alarm.hostname}`} data-alarm={alarm.name}>
      <header>
        <StatusMark status={alarm.status} />
        <h2>{alarm.name}</h2>
        <button type="button" class="close" aria-label="Close" onClick={close}>
          <Cross />
        </button>
      </header>
      <p class="where">
        <a href={link("host", alarm.guid)}>{alarm.hostname}</a>
        {" · "}
        <a href={`${link("host", alarm.guid)}#at=${encodeURIComponent(alarm.chart)}`}>{alarm.chartName}</a>
      </p>
      {alarm.info && <p>{alarm.info}</p>}
      <p class="nowvalue">
        <strong>{alarm.valueText}</strong>
        <span class="muted">
          {alarm.changedS > 0 ? `${alarm.status.toLowerCase()} for ${duration(now - alarm.changedS)}, since ${moment(alarm.changedS, now)}` : ""}
        </span>
      </p>
      {data && rule && (
        <AlarmChart
          {...data}
          units={rule.units}
          levels={levels}
          label={`${alarm.chartName}, last half hour; ${levels.map(({ kind, value, above }) => `${kind} ${above ? "above" : "below"} ${value}`).join(", ")}`}
        />
      )}
      {rule && <Facts rule={rule} />}
      <footer>
        <button type="button" class="framed" onClick={() => silence(alarm)}>
          Silence…
        </button>
        {alarm.isSilenced && <span class="muted">It is silenced: nobody is told.</span>}
      </footer>
    </article>
  );
}

function Facts({ rule }: { rule: Rule }) {
  const delays = [
    rule.delay_up_duration > 0 && `${duration(rule.delay_up_duration)} before it is told as worse`,
    rule.delay_down_duration > 0 && `${duration(rule.delay_down_duration)} before it is told as better`,
  ].filter(Boolean);
  const facts: [string, string, boolean][] = [
    ["Warning when", plain(rule.warn), true],
    ["Critical when", plain(rule.crit), true],
    ["Looks up", lookupInWords(rule), false],
    ["Computes", plain(rule.calc), true],
    ["Checked", `every ${duration(rule.update_every)}`, false],
    ["Waits", delays.join(", "), false],
    ["Tells", rule.recipient, false],
    ["Rule", rule.source, true],
  ];
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value)
        .map(([name, value, isCode]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{isCode ? <code>{value}</code> : value}</dd>
          </div>
        ))}
    </dl>
  );
}

function lookupInWords(rule: Rule): string {
  if (!rule.lookup_method) return "";
  const of = rule.lookup_dimensions ? `of ${rule.lookup_dimensions}` : "of all dimensions";
  const end = rule.lookup_before ? `, ${duration(-rule.lookup_before)} ago` : "";
  const options = rule.lookup_options ? ` (${rule.lookup_options})` : "";
  return `the ${rule.lookup_method} ${of} over ${duration(Math.abs(rule.lookup_after ?? 0))}${end}${options}`;
}

// Lines are drawn where the chart shows what is compared with them: what a look-up finds, not what is computed.
function levelsOf(rule: Rule): Level[] {
  if (!isLookedUp(rule)) return [];
  const levels = (kind: Level["kind"], text: string | undefined) =>
    thresholds(plain(text), rule.status).map((threshold): Level => ({ ...threshold, kind }));
  return [...levels("warning", rule.warn), ...levels("critical", rule.crit)];
}

function isLookedUp(rule: Rule): boolean {
  return rule.lookup_method !== undefined && !rule.calc;
}

function useRule(alarm: Alarm): Rule | null {
  const [rule, setRule] = useState<Rule | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    setRule(null);
    get<{ alarms: Record<string, Rule> }>(call("v1/alarms?all", alarm.guid), leaving.signal)
      .then(({ alarms }) => setRule(Object.values(alarms).find((rule) => rule.name === alarm.name && rule.chart === alarm.chart) ?? null))
      .catch((error) => isAbort(error) || setRule(null));
    return () => leaving.abort();
  }, [alarm.key, alarm.status]);
  return rule;
}

function useData(alarm: Alarm, rule: Rule | null): Data | null {
  const [data, setData] = useState<Data | null>(null);
  useEffect(() => {
    if (!rule) return setData(null);
    const leaving = new AbortController();
    const words = new URLSearchParams({
      chart: alarm.chart,
      after: String(-SHOWN_S),
      points: String(POINTS),
      options: `flip,${(rule.lookup_options ?? "").split(/[ ,|]+/).filter((word) => /^(absolute|percentage|null2zero|min2max|match.*)$/.test(word)).join(",")}`,
    });
    if (isLookedUp(rule) && rule.lookup_dimensions) words.set("dimensions", rule.lookup_dimensions.replaceAll(" ", "|"));
    if (isLookedUp(rule)) words.set("group", rule.lookup_method!);
    get<{ labels: string[]; data: (number | null)[][] }>(call(`v1/data?${words}`, alarm.guid), leaving.signal)
      .then(({ labels, data }) => setData(isLookedUp(rule) ? combined(labels, data) : some(labels, data)))
      .catch((error) => isAbort(error) || setData({ rows: [], names: [] }));
    return () => leaving.abort();
  }, [rule]);
  return data;
}

// Look-ups make one value of all dimensions.
function combined(labels: string[], rows: (number | null)[][]): Data {
  const sum = (values: (number | null)[]) => {
    const there = values.filter((value) => value !== null);
    return there.length === 0 ? null : there.reduce((all, value) => all + value, 0);
  };
  const name = labels.length === 2 ? labels[1]! : count(labels.length - 1, "dimension");
  return { rows: rows.map(([time, ...values]) => [time!, sum(values)]), names: [name] };
}

function some(labels: string[], rows: (number | null)[][]): Data {
  return { rows: rows.map((row) => row.slice(0, LINES_MAX + 1)), names: labels.slice(1, LINES_MAX + 1) };
}
