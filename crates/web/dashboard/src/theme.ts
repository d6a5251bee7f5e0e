// Light or dark: as the system has it, or as chosen here.

import { Cell } from "./cell.ts";
import { keep, kept } from "./kept.ts";

export type Theme = "light" | "dark";

const system = matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme | null {
  const word = kept("theme");
  return word === "light" || word === "dark" ? word : null;
}

function ofSystem(): Theme {
  return system.matches ? "dark" : "light";
}

export const theme = new Cell<Theme>(chosen() ?? ofSystem());

export function switchTheme(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  // Who chooses what the system has leaves it to the system again.
  keep("theme", theme.value === ofSystem() ? null : theme.value);
}

export function followTheme(): void {
  const show = () => (document.documentElement.dataset.theme = theme.value);
  system.addEventListener("change", () => (theme.value = chosen() ?? ofSystem()));
  theme.watch(show);
  show();
}
