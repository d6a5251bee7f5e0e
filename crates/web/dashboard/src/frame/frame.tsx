// What is around every page: the bar with hosts, pages and time, and what is to be said of the node.

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

import { away } from "../api.ts";
import { useCell } from "../cell.ts";
import { hosts, raisedOf } from "../hosts.ts";
import { useKeys } from "../keys.ts";
import { go, link, route, type Page } from "../route.ts";
import { switchTheme, theme } from "../theme.ts";
import { KeysDialog, TokenDialog } from "./dialogs.tsx";
import { HostMenu } from "./hostmenu.tsx";
import { Bell, Moon, Sun } from "./icons.tsx";
import { Counts, inWords } from "./raised.tsx";
import { TimeControl } from "./timecontrol.tsx";

interface Tab {
  page: Page;
  name: string;
  key: string;
}

const TABS: Tab[] = [
  { page: "fleet", name: "Fleet", key: "f" },
  { page: "host", name: "Charts", key: "c" },
  { page: "alarms", name: "Alarms", key: "a" },
  { page: "node", name: "Node", key: "n" },
  { page: "badges", name: "Badges", key: "b" },
];

// Pages that are of the chosen host, where one is chosen.
const OF_HOST = new Set<Page>(["host", "alarms", "badges"]);
// Pages whose charts follow the chosen time.
const OF_TIME = new Set<Page>(["host"]);

function address({ page }: Tab, host: string | null): string {
  if (page === "host") return link("host", host ?? hosts.value?.[0]?.hostname ?? "localhost");
  return link(page, OF_HOST.has(page) ? host : null);
}

export function Frame({ children }: { children: ComponentChildren }) {
  const { page, host } = useCell(route);
  useCell(hosts);
  useEffect(() => {
    const tab = TABS.find((tab) => tab.page === page)!;
    document.title = [page === "host" ? host : tab.name, page !== "host" && host, "Tributary"].filter(Boolean).join(" · ");
  }, [page, host]);
  useKeys(
    [
      ...TABS.map((tab) => ({
        keys: [tab.key],
        shown: tab.key,
        does: tab.name.toLowerCase(),
        act: () => go(address(tab, route.value.host)),
      })),
      { keys: ["t"], shown: "t", does: "light, dark", act: switchTheme },
    ],
    [],
  );
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        To the page
      </a>
      <header class="bar">
        <a class="brand" href={link("fleet")} aria-label="Tributary, all hosts">
          <Logo />
          <span>Tributary</span>
        </a>
        <HostMenu />
        <nav class="tabs" aria-label="Pages">
          {TABS.map((tab) => (
            <a key={tab.page} href={address(tab, host)} aria-current={tab.page === page ? "page" : undefined}>
              {tab.name}
            </a>
          ))}
        </nav>
        {OF_TIME.has(page) && <TimeControl />}
        <Bells />
        <ThemeSwitch />
      </header>
      <AwayNotice />
      <main id="main" tabIndex={-1} data-page={page}>
        {children}
      </main>
      <TokenDialog />
      <KeysDialog />
    </>
  );
}

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
      <path d="M5 4c0 9 11 8 11 16v8" />
      <path d="M27 4c0 9-11 8-11 16" />
      <path d="M16 4v9" />
    </svg>
  );
}

// What is raised on any host, wherever one is.
function Bells() {
  const all = useCell(hosts);
  const raised = raisedOf(all ?? []);
  const said = all === null ? "Alarms" : `Alarms of all hosts: ${inWords(raised) || "none raised"}`;
  return (
    <a class="bells" href={link("alarms")} title={said}>
      <Bell />
      <span class="unseen">Alarms of all hosts: </span>
      {inWords(raised) ? <Counts raised={raised} /> : <span class="unseen">none raised</span>}
    </a>
  );
}

function ThemeSwitch() {
  const isDark = useCell(theme) === "dark";
  const name = isDark ? "Light colours" : "Dark colours";
  return (
    <button type="button" class="theme" onClick={switchTheme} title={`${name} (t)`} aria-label={name}>
      {isDark ? <Sun /> : <Moon />}
    </button>
  );
}

function AwayNotice() {
  const { failures } = useCell(away);
  if (failures < 2) return null;
  return (
    <p class="notice bad" role="alert">
      The node does not answer. What you see is what it said last; the page goes on asking.
    </p>
  );
}
