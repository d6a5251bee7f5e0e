// Makes badges: small pictures with a value, for other pages.

import { useEffect, useMemo, useState } from "preact/hooks";

import { get } from "../api.ts";
import { useCell } from "../cell.ts";
import { Copy } from "../frame/icons.tsx";
import { arrange, titleOf, type Chart, type Listing } from "../host/charts.ts";
import { find, hosts, nameOf } from "../hosts.ts";
import { call, go, link, route } from "../route.ts";
import { setWord, word } from "../view.ts";
import { START, heard, html, markdown, query, said, type Wish } from "./badge.ts";

const SPANS: [number, string][] = [
  [0, "newest value"],
  [60, "last minute"],
  [300, "last 5 minutes"],
  [3_600, "last hour"],
  [86_400, "last day"],
];
const GROUPS = ["average", "min", "max", "sum", "median", "stddev"];
const COLOURS: [string, string][] = [
  ["", "green"],
  ["blue", "blue"],
  ["red>90|orange>70|green", "red above 90, orange above 70"],
  ["red<10|orange<30|green", "red below 10, orange below 30"],
];

interface Alarms {
  alarms: Record<string, { name: string; chart: string }>;
}

export function BadgesPage() {
  const { host: name } = useCell(route);
  const all = useCell(hosts) ?? [];
  const host = find(all, name);
  const charts = useCharts(name);
  const alarms = useAlarms(name);
  const [wish, setWish] = useState<Wish>(() => heard(word));
  useEffect(() => said(wish).forEach(([name, text]) => setWord(name, text)), [wish]);
  const chart = charts.find(({ id }) => id === wish.chart);
  useEffect(() => {
    if (charts.length > 0 && !charts.some(({ id }) => id === wish.chart)) setWish({ ...START, chart: charts[0]?.id ?? "" });
  }, [charts]);
  const set = (part: Partial<Wish>) => setWish({ ...wish, ...part });
  return (
    <section class="sheet badges">
      <h1>Badges</h1>
      <p class="lead">A value of a chart, or an alarm, as a picture for a page of yours. It is drawn anew each time it is loaded.</p>
      <div class="maker">
        <form onSubmit={(event) => event.preventDefault()}>
          <Choice
            label="Host"
            value={host ? nameOf(host, all) : ""}
            choose={(value) => go(link("badges", value))}
            choices={all.map((each) => [nameOf(each, all), each.hostname])}
          />
          <label>
            <span>Chart</span>
            <select value={wish.chart} onChange={(event) => set({ chart: event.currentTarget.value, dimension: "", alarm: "" })}>
              {useMemo(() => arrange(charts), [charts]).map((section) => (
                <optgroup key={section.id} label={section.name}>
                  {section.families.flatMap((family) =>
                    family.charts.map((each) => (
                      <option key={each.id} value={each.id}>
                        {each.name} – {titleOf(each)}
                      </option>
                    )),
                  )}
                </optgroup>
              ))}
            </select>
          </label>
          <Choice
            label="Shows"
            value={wish.alarm}
            choose={(alarm) => set({ alarm })}
            choices={[["", "its value"], ...alarms.filter((each) => each.chart === wish.chart).map((each): [string, string] => [each.name, `alarm ${each.name}`])]}
          />
          {!wish.alarm && (
            <>
              <Choice
                label="Dimension"
                value={wish.dimension}
                choose={(dimension) => set({ dimension })}
                choices={[["", "all, summed up"], ...Object.values(chart?.dimensions ?? {}).map((each): [string, string] => [each.name, each.name])]}
              />
              <Choice label="Of the" value={String(wish.seconds)} choose={(seconds) => set({ seconds: Number(seconds) })} choices={SPANS.map(([seconds, text]) => [String(seconds), text])} />
              {wish.seconds > 0 && (
                <Choice label="As" value={wish.group} choose={(group) => set({ group })} choices={GROUPS.map((group) => [group, group])} />
              )}
              <Choice label="Colour" value={wish.colour} choose={(colour) => set({ colour })} choices={COLOURS} />
              <Field label="Units" value={wish.units} hint={chart?.units ?? ""} set={(units) => set({ units })} />
            </>
          )}
          <Field label="Label" value={wish.label} hint={wish.alarm.replaceAll("_", " ") || wish.dimension || chart?.name || ""} set={(label) => set({ label })} />
          <Field label="Digits" value={wish.precision} hint="as many as it needs" set={(precision) => set({ precision })} />
          <Field label="Size, %" value={wish.scale} hint="100" set={(scale) => set({ scale })} />
          <label class="check">
            <input type="checkbox" checked={wish.refresh} onChange={(event) => set({ refresh: event.currentTarget.checked })} />
            <span>drawn anew by the page that shows it</span>
          </label>
        </form>
        {wish.chart && <Result name={name} wish={wish} />}
      </div>
    </section>
  );
}

function Result({ name, wish }: { name: string | null; wish: Wish }) {
  const url = new URL(`${call("v1/badge.svg", name)}?${query(wish)}`, location.href).href;
  const text = wish.label || wish.alarm || wish.dimension || wish.chart;
  return (
    <div class="result">
      <p class="preview">
        <img src={url} alt={`Badge: ${text}`} />
      </p>
      <Copied label="Address" text={url} />
      <Copied label="Markdown" text={markdown(url, text)} />
      <Copied label="HTML" text={html(url, text)} />
    </div>
  );
}

function Copied({ label, text }: { label: string; text: string }) {
  const [done, setDone] = useState(false);
  const copy = () => {
    // Only pages that came safely may write to the clipboard; else it is chosen, to be copied by hand.
    navigator.clipboard?.writeText(text).then(() => setDone(true), () => undefined);
    setTimeout(() => setDone(false), 1_500);
  };
  return (
    <label class="copied">
      <span>{label}</span>
      <input readOnly value={text} onFocus={(event) => event.currentTarget.select()} />
      <button type="button" onClick={copy} aria-label={`Copy: ${label}`} title="Copy">
        {done ? "copied" : <Copy />}
      </button>
    </label>
  );
}

function Choice(properties: { label: string; value: string; choices: [string, string][]; choose: (value: string) => void }) {
  const { label, value, choices, choose } = properties;
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {choices.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Field({ label, value, hint, set }: { label: string; value: string; hint: string; set: (value: string) => void }) {
  return (
    <label>
      <span>{label}</span>
      <input value={value} placeholder={hint} onInput={(event) => set(event.currentTarget.value)} />
    </label>
  );
}

function useCharts(name: string | null): Chart[] {
  const [charts, setCharts] = useState<Chart[]>([]);
  useEffect(() => {
    get<Listing>(call("v1/charts", name))
      .then(({ charts }) => setCharts(Object.values(charts).sort((a, b) => a.priority - b.priority)))
      .catch(() => setCharts([]));
  }, [name]);
  return charts;
}

function useAlarms(name: string | null): { name: string; chart: string }[] {
  const [alarms, setAlarms] = useState<{ name: string; chart: string }[]>([]);
  useEffect(() => {
    get<Alarms>(call("v1/alarms?all", name))
      .then(({ alarms }) => setAlarms(Object.values(alarms)))
      .catch(() => setAlarms([]));
  }, [name]);
  return alarms;
}
