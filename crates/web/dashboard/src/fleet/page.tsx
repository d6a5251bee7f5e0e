// All hosts of the node.

import { useCell } from "../cell.ts";
import { Dot } from "../frame/hostmenu.tsx";
import { hosts, nameOf } from "../hosts.ts";
import { link } from "../route.ts";
import { count } from "../units.ts";

export function FleetPage() {
  const all = useCell(hosts);
  if (all === null) return <p class="waiting">Asking the node for its hosts…</p>;
  return (
    <section class="sheet">
      <h1>{count(all.length, "host")}</h1>
      <ul class="plain">
        {all.map((host) => (
          <li key={host.guid}>
            <a href={link("host", nameOf(host, all))} data-host={host.hostname}>
              <Dot host={host} /> {host.hostname}
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
