// Keys that do something, wherever the page is. A page adds its own while it is shown.

import { useEffect } from "preact/hooks";

export interface Key {
  // As `KeyboardEvent.key` has it; one letter, or a word such as `ArrowLeft`.
  keys: string[];
  // For the list that `?` shows.
  shown: string;
  does: string;
  act: () => void;
}

const bound = new Set<Key>();

export function boundKeys(): Key[] {
  return [...bound];
}

export function bindKeys(keys: Key[]): () => void {
  keys.forEach((key) => bound.add(key));
  return () => keys.forEach((key) => bound.delete(key));
}

export function useKeys(keys: Key[], inputs: unknown[]): void {
  useEffect(() => bindKeys(keys), inputs);
}

export function listenToKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target as HTMLElement;
    const isField = /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
    if (isField || (event.key === " " && /^(BUTTON|A|SUMMARY)$/.test(target.tagName))) return;
    const key = [...bound].findLast(({ keys }) => keys.includes(event.key));
    if (!key) return;
    event.preventDefault();
    key.act();
  });
}
