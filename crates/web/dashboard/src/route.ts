// Which page an address means. All addresses are below one root, wherever a proxy has put that:
//
//   ROOT                    all hosts
//   ROOT alarms|node|badges of this node
//   ROOT host/NAME/         charts of a host; with alarms|badges those of the host
//
// The time that the part after `#` says (`view.ts`) is taken along from page to page.

import { Cell } from "./cell.ts";

export const PAGES = ["alarms", "node", "badges"] as const;
export type Page = "fleet" | "host" | (typeof PAGES)[number];

export interface Route {
  root: string;
  // How the address calls the host; `null` for this node.
  host: string | null;
  page: Page;
}

const OF_HOST = new RegExp(`^(.*/)(?:host|node)/([^/]+)/(${PAGES.join("|")})?(?:index\\.html)?$`);
const OF_NODE = new RegExp(`^(.*/)(${PAGES.join("|")})?(?:index\\.html)?$`);

export function parse(path: string): Route {
  const ofHost = OF_HOST.exec(path);
  if (ofHost) return { root: ofHost[1]!, host: decode(ofHost[2]!), page: (ofHost[3] as Page) ?? "host" };
  const ofNode = OF_NODE.exec(path);
  return { root: ofNode?.[1] ?? "/", host: null, page: (ofNode?.[2] as Page) ?? "fleet" };
}

export function path({ root, host, page }: Route): string {
  const base = host === null ? root : `${root}host/${encodeURIComponent(host)}/`;
  return page === "fleet" || page === "host" ? base : base + page;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = new Cell<Route>({ root: "/", host: null, page: "fleet" });

// The address of a page of this node, or of `host`.
export function link(page: Page, host: string | null = null): string {
  return path({ root: route.value.root, host, page });
}

// The address of a call, of this node or of `host`.
export function call(name: string, host: string | null = null): string {
  return `${path({ root: route.value.root, host, page: "fleet" })}api/${name}`;
}

// Shows another page of the root; `more` is what the part after `#` says besides the time.
export function go(to: string, more = ""): void {
  const words = new URLSearchParams(location.hash.slice(1));
  for (const name of [...words.keys()]) if (name !== "after" && name !== "before") words.delete(name);
  for (const [name, value] of new URLSearchParams(more.replace(/^#/, ""))) words.set(name, value);
  history.pushState(null, "", `${to}${words.size > 0 ? `#${words}` : ""}`);
  route.value = parse(location.pathname);
  scrollTo(0, 0);
}

// Follows the address from now on; links of the page within the root load nothing anew.
export function followAddress(): void {
  route.value = parse(location.pathname);
  addEventListener("popstate", () => {
    const next = parse(location.pathname);
    if (path(next) !== path(route.value)) route.value = next;
  });
  document.addEventListener("click", (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const anchor = (event.target as Element).closest?.("a");
    if (!anchor || anchor.target || anchor.origin !== location.origin || event.defaultPrevented) return;
    if (anchor.hash && anchor.pathname === location.pathname) return;
    const next = parse(anchor.pathname);
    if (next.root !== route.value.root || path(next) !== anchor.pathname) return;
    event.preventDefault();
    go(anchor.pathname, anchor.hash);
  });
}
