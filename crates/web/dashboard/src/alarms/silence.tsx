// Silences alarms, for who knows the management key: nobody is told of them, or they rest altogether.

import { useState } from "preact/hooks";

import { call } from "../route.ts";
import type { Alarm } from "./alarms.ts";

interface Silencers {
  all: boolean;
  type: "None" | "SILENCE" | "DISABLE";
  silencers: Record<string, string>[];
}

const FIELDS: [string, string][] = [
  ["alarm", "Alarms"],
  ["chart", "Charts"],
  ["context", "Contexts"],
  ["hosts", "Hosts"],
];

// The key stays with this page, and is forgotten with it.
let key = "";

async function manage(words: Record<string, string>): Promise<Response> {
  const response = await fetch(call(`v1/manage/health?${new URLSearchParams(words)}`), { headers: { "x-auth-token": key } });
  if (response.status === 403) throw new Error("The node refuses: the key is not its key, or this address may not manage it (web.allow_management_from).");
  if (!response.ok) throw new Error(`The node answers ${response.status}: ${(await response.text()).slice(0, 200)}`);
  return response;
}

export function Silence({ alarm }: { alarm: Alarm | null }) {
  const [typed, setTyped] = useState(key);
  const [choice, setChoice] = useState<Record<string, string>>(alarm ? { alarm: alarm.name, chart: alarm.chart, hosts: alarm.hostname } : {});
  const [said, setSaid] = useState<string | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [known, setKnown] = useState<Silencers | null>(null);
  const act = async (words: Record<string, string> | null) => {
    key = typed.trim();
    setWrong(null);
    try {
      if (words) setSaid((await (await manage(words)).text()).trim());
      setKnown((await (await manage({ cmd: "LIST" })).json()) as Silencers);
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
  };
  const chosen = Object.fromEntries(Object.entries(choice).filter(([, value]) => value.trim()));
  const isAll = Object.keys(chosen).length === 0;
  return (
    <form class="silence" onSubmit={(event) => (event.preventDefault(), void act(null))}>
      <p class="muted">
        Silenced alarms are still evaluated and logged, but nobody is told. Alarms that rest are not evaluated. Each choice
        holds for all hosts of this node that match, until it is taken back.
      </p>
      <label>
        <span>
          Management key <small class="muted">from the node's <code>lib_dir/management.api.key</code>; this page forgets it</small>
        </span>
        <input type="password" autocomplete="off" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} required />
      </label>
      <fieldset>
        <legend>Which alarms: patterns, all of which must match</legend>
        {FIELDS.map(([field, name]) => (
          <label key={field}>
            <span>{name}</span>
            <input
              value={choice[field] ?? ""}
              placeholder="*"
              spellcheck={false}
              onInput={(event) => setChoice({ ...choice, [field]: event.currentTarget.value })}
            />
          </label>
        ))}
      </fieldset>
      <div class="acts">
        <button type="button" class="main" disabled={!typed.trim()} onClick={() => act({ cmd: isAll ? "SILENCE ALL" : "SILENCE", ...chosen })}>
          {isAll ? "Silence all" : "Silence these"}
        </button>
        <button type="button" class="framed" disabled={!typed.trim()} onClick={() => act({ cmd: isAll ? "DISABLE ALL" : "DISABLE", ...chosen })}>
          {isAll ? "Have all rest" : "Have these rest"}
        </button>
        <button type="button" class="framed" disabled={!typed.trim()} onClick={() => act({ cmd: "RESET" })}>
          End all silence
        </button>
        <button type="submit" class="framed" disabled={!typed.trim()}>
          What is silenced?
        </button>
      </div>
      {wrong && (
        <p class="wrong" role="alert">
          {wrong}
        </p>
      )}
      {said && !wrong && <p role="status">{said}</p>}
      {known && <InForce known={known} />}
    </form>
  );
}

function InForce({ known }: { known: Silencers }) {
  if (known.type === "None") return <p>Nothing is silenced.</p>;
  const what = known.type === "SILENCE" ? "silenced" : "at rest";
  if (known.all) return <p>{`All alarms are ${what}.`}</p>;
  return (
    <section>
      <h2>{`These are ${what}`}</h2>
      <ul class="plain silencers">
        {known.silencers.map((silencer, place) => (
          <li key={place}>
            {Object.entries(silencer).map(([field, pattern]) => (
              <span key={field}>
                {field} <code>{pattern}</code>
              </span>
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
}
