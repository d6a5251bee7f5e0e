// The page: the fleet at the side, the chosen host's charts beside it, once a second.
//
// The address names the host (`/host/NAME/`) and the range (`#5m`). All requests go below the
// address that the page came from, so it also works below a path of a reverse proxy.

import { Board } from "./charts.js";
import { age, count, time } from "./words.js";

const FLEET_EVERY_MS = 2000;
const BIG_FLEET = 200;
const BIG_FLEET_EVERY_MS = 5000;
const CHARTS_EVERY_MS = 60000;
const ROWS_MAX = 400;
const STALE_S = 10;
const RANGES = new Map([["1m", 60], ["5m", 300], ["15m", 900], ["1h", 3600]]);

const at = (id) => document.getElementById(id);
const BASE = location.pathname.replace(/(?:host|node)\/[^/]*\/[^/]*$/, "").replace(/[^/]*$/, "");

const board = new Board(at("charts"), at("sections"), showClock);
const rows = new Map();
let fleet = [];
let chosen = null;
let listed = { guid: "", shape: "", atMs: 0 };
let fleetDueMs = 0;

// The host that the address names, or null.
function namedHost() {
  const match = location.pathname.slice(BASE.length).match(/^(?:host|node)\/([^/]*)\//);
  if (!match) return null;
  try { return decodeURIComponent(match[1]); } catch { return match[1]; }
}

// A path that names a host and no other: its name, where that is plain and unique.
function pathOf(host) {
  const plain = /^[\w][\w.-]*$/.test(host.hostname) && host.hostname !== "localhost";
  const unique = fleet.filter((other) => other.hostname === host.hostname).length === 1;
  return `${BASE}host/${plain && unique ? host.hostname : host.guid}/`;
}

function choose() {
  const name = namedHost();
  if (name === "localhost") return fleet[0] ?? null;
  if (name !== null) {
    const named = fleet.filter((host) => host.guid === name.toLowerCase() || host.hostname === name);
    return named.find((host) => host.reachable) ?? named[0] ?? null;
  }
  const kept = chosen && fleet.find((host) => host.guid === chosen.guid);
  const drawable = (host) => host.charts > 0 && host.memory_mode !== "none";
  return kept ?? fleet.find((host) => host.reachable && drawable(host)) ?? fleet.find(drawable) ?? null;
}

async function loadFleet() {
  const response = await fetch(`${BASE}api/v1/hosts`);
  if (!response.ok) throw new Error(`status ${response.status}`);
  fleet = await response.json();
  showFleet();
  await turn();
}

// Turns to the chosen host, and reads its charts where they may have changed.
async function turn() {
  const before = chosen;
  chosen = choose();
  at("name").textContent = chosen?.hostname ?? namedHost() ?? "Tributary";
  document.title = chosen ? `${chosen.hostname} – Tributary` : "Tributary";
  showFacts();
  markChosen();
  if (!chosen) {
    board.turnTo("");
    listed = { guid: "", shape: "", atMs: 0 };
    return notice(namedHost() === null ? "Waiting for the first host with charts." : "This node knows no host of that name.");
  }
  if (before?.guid !== chosen.guid || listed.guid === "") board.turnTo(pathOf(chosen));
  await listCharts();
}

async function listCharts() {
  const { guid, charts, dimensions, memory_mode: mode, hostname } = chosen;
  if (mode === "none") {
    listed = { guid, shape: "", atMs: 0 };
    return notice(`This node passes the rows of ${hostname} on and keeps none: look at its parent.`);
  }
  const shape = `${charts} ${dimensions}`;
  if (listed.guid === guid && listed.shape === shape && performance.now() - listed.atMs < CHARTS_EVERY_MS) return;
  const response = await fetch(`${board.host}api/v1/charts`);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const answer = await response.json();
  if (chosen?.guid !== guid) return;
  listed = { guid, shape, atMs: performance.now() };
  board.show(answer.charts);
  notice(answer.charts_count === 0 ? `${hostname} has no charts yet.` : "");
}

function showFacts() {
  if (!chosen) return void (at("facts").textContent = "\u00a0");
  const { program, os, hops, charts, dimensions, reachable, age_s: ageS } = chosen;
  const facts = [
    program,
    os,
    hops === 0 ? "this node" : count(hops, "hop"),
    count(charts, "chart"),
    count(dimensions, "dimension"),
    reachable ? "" : `stream ended, newest row ${ageS === null ? "unknown" : `${age(ageS)} old`}`,
  ];
  at("facts").textContent = facts.filter((fact) => fact !== "").join("  ·  ");
}

function showFleet() {
  const live = fleet.filter((host) => host.reachable).length;
  at("summary").textContent = `${count(fleet.length, "host")}, ${live} live`;
  const wanted = at("filter").value.trim().toLowerCase();
  const matching = fleet.filter((host) => host.hostname.toLowerCase().includes(wanted) || host.guid.startsWith(wanted));
  const shown = matching.slice(0, ROWS_MAX).map(hostRow);
  if (matching.length > ROWS_MAX) shown.push(note(`and ${matching.length - ROWS_MAX} more: filter to find them`));
  if (matching.length === 0) shown.push(note(fleet.length === 0 ? "no hosts yet" : "no host matches"));
  const list = at("hosts");
  const same = list.children.length === shown.length && shown.every((row, place) => row === list.children[place]);
  if (!same) list.replaceChildren(...shown);
}

function note(text) {
  const element = document.createElement("p");
  element.className = "more";
  element.textContent = text;
  return element;
}

// The row of a host in the list, made once and then kept up to date.
function hostRow(host) {
  let row = rows.get(host.guid);
  if (!row) {
    row = document.createElement("a");
    for (const name of ["dot", "called", "age", "about"]) {
      const part = document.createElement("span");
      part.className = name;
      row.append(part);
    }
    row.addEventListener("click", goTo);
    rows.set(host.guid, row);
  }
  const [, called, ageText, about] = row.children;
  const stale = host.age_s === null || host.age_s > STALE_S;
  row.className = `host ${!host.reachable ? "gone" : stale ? "stale" : "live"}`;
  row.href = pathOf(host);
  row.dataset.host = host.hostname;
  row.title = `${host.hostname}\n${host.guid}`;
  called.textContent = host.hostname;
  ageText.textContent = age(host.age_s);
  about.textContent = [
    host.hops === 0 ? "this node" : count(host.hops, "hop"),
    count(host.charts, "chart"),
    host.memory_mode === "none" ? "passed on" : "",
  ].filter((part) => part !== "").join(" · ");
  return row;
}

function markChosen() {
  for (const [guid, row] of rows) {
    if (guid === chosen?.guid) row.setAttribute("aria-current", "page");
    else row.removeAttribute("aria-current");
  }
}

// Follows a link without loading the page anew.
function goTo(event) {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", event.currentTarget.getAttribute("href") + location.hash);
  scrollTo({ top: 0 });
  turn().then(tick, trouble);
}

function notice(text) {
  at("notice").textContent = text;
  at("notice").hidden = text === "";
}

function trouble(error) {
  if (error.name === "AbortError") return;
  listed.atMs = -Infinity;
  notice("No answer from this node: trying again.");
}

function showClock(ms) {
  at("clock").textContent = ms === null ? `live ${time(Date.now())}` : time(ms);
  at("clock").classList.toggle("held", ms !== null);
}

function applyRange() {
  const range = RANGES.get(location.hash.slice(1)) ?? 300;
  for (const button of at("ranges").children) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.range) === range));
  }
  board.setRange(range);
}

// Everything that is due, once a second; nothing while nobody looks.
let ticking = false;
async function tick() {
  if (document.hidden || ticking) return;
  ticking = true;
  const nowMs = performance.now();
  if (board.cursor === null) showClock(null);
  try {
    if (nowMs >= fleetDueMs) {
      fleetDueMs = nowMs + (fleet.length > BIG_FLEET ? BIG_FLEET_EVERY_MS : FLEET_EVERY_MS) - 100;
      await loadFleet();
    }
    await board.refresh(nowMs);
  } catch (error) {
    trouble(error);
  } finally {
    ticking = false;
  }
}

// Rows of a second are here a little after it ended.
function schedule() {
  setTimeout(() => { tick(); schedule(); }, 1000 - (Date.now() - 120) % 1000);
}

at("brand").href = BASE;
at("filter").addEventListener("input", showFleet);
at("ranges").addEventListener("click", ({ target }) => {
  if (target.dataset.range) location.hash = target.textContent;
});
addEventListener("hashchange", () => { applyRange(); tick(); });
addEventListener("popstate", () => turn().then(tick, trouble));
addEventListener("visibilitychange", tick);
applyRange();
tick();
schedule();
