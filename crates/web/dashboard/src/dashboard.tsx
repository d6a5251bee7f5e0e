// The dashboard: finds out what the address asks for, and shows that page in the frame.

import "./early.ts";

import { render, type ComponentType } from "preact";

import { AlarmsPage } from "./alarms/page.tsx";
import { watchLeaving } from "./api.ts";
import { BadgesPage } from "./badges/page.tsx";
import { useCell } from "./cell.ts";
import { startClock } from "./clock.ts";
import { FleetPage } from "./fleet/page.tsx";
import { Frame } from "./frame/frame.tsx";
import { HostPage } from "./host/page.tsx";
import { followHosts } from "./hosts.ts";
import { listenToKeys } from "./keys.ts";
import { NodePage } from "./node/page.tsx";
import { route, type Page } from "./route.ts";
import { followTheme } from "./theme.ts";
import { followView } from "./view.ts";

const CONTENTS: Record<Page, ComponentType> = {
  fleet: FleetPage,
  host: HostPage,
  alarms: AlarmsPage,
  node: NodePage,
  badges: BadgesPage,
};

function Dashboard() {
  const { page, host } = useCell(route);
  const Contents = CONTENTS[page];
  return (
    <Frame>
      <Contents key={`${page} ${host}`} />
    </Frame>
  );
}

followView();
followTheme();
watchLeaving();
listenToKeys();
followHosts();
startClock();
render(<Dashboard />, document.getElementById("page")!);
