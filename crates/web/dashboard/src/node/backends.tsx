// Where the node archives, and what became of that.

import { age, bytes, count, duration, short } from "../units.ts";
import { Fact } from "./fact.tsx";

interface Amount {
  values: number;
  bytes: number;
}

export interface Backend {
  name: string;
  type: string;
  destination: string;
  update_every_s: number;
  // `null` before the first attempt.
  connected: boolean | null;
  sent: Amount;
  dropped: Amount;
  attempts: number;
  failed: number;
  latency_ms: number | null;
  backlog: { windows: number; values: number; memory_bytes: number; disk_bytes: number; oldest_s: number | null };
  sent_s: number | null;
  failed_s: number | null;
  last_error: string;
}

export function Backends({ backends, nowS }: { backends: Backend[]; nowS: number }) {
  if (backends.length === 0) return null;
  return (
    <section class="backends" aria-labelledby="backends">
      <h2 id="backends">Archives</h2>
      <div class="nodecards">
        {backends.map((backend) => (
          <Card key={backend.name} backend={backend} nowS={nowS} />
        ))}
      </div>
    </section>
  );
}

function Card({ backend, nowS }: { backend: Backend; nowS: number }) {
  const { sent, dropped, backlog, attempts, failed } = backend;
  const [dot, state] = backend.connected === null ? ["gone", "not tried yet"] : backend.connected ? ["live", "takes them"] : ["away", "does not answer"];
  const told = (second: number | null) => (second === null ? "" : `${age(Math.max(0, nowS - second))} ago`);
  return (
    <section class="nodecard" data-backend={backend.name}>
      <h3>
        <span class={`dot ${dot}`} aria-hidden="true" />
        {backend.name}
        <span class={backend.connected === false ? "wrong" : "muted"}>{state}</span>
      </h3>
      <dl>
        <Fact name="Kind" value={backend.type} more={`every ${duration(backend.update_every_s)}`} />
        <Fact name="Destination" value={backend.destination} />
        <Fact name="Sent" value={`${short(sent.values)} values`} more={[bytes(sent.bytes), told(backend.sent_s)].filter(Boolean).join(", ")} />
        <Fact
          name="Waiting"
          value={count(backlog.windows, "window")}
          more={backlog.windows === 0 ? "" : [held(backlog), backlog.oldest_s === null ? "" : `since ${age(nowS - backlog.oldest_s)}`].filter(Boolean).join(", ")}
          isBad={backlog.windows > 1}
        />
        <Fact name="Given up" value={`${short(dropped.values)} values`} isBad={dropped.values > 0} />
        <Fact name="Attempts" value={short(attempts)} more={attempts === 0 ? "" : `${short(failed)} failed, ${short(backend.latency_ms)} ms each`} isBad={false} />
        {backend.last_error && <Fact name="Last failure" value={backend.last_error} more={told(backend.failed_s)} isBad={backend.connected === false} />}
      </dl>
    </section>
  );
}

function held({ memory_bytes: memory, disk_bytes: disk }: Backend["backlog"]): string {
  return disk > 0 ? `${bytes(memory)}, ${bytes(disk)} on the disk` : bytes(memory);
}
