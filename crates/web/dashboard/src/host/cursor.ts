// The moment under the pointer, which all charts mark.

import { Cell } from "../cell.ts";

export const cursor = new Cell<number | null>(null);

let next: number | null = null;
let isDue = false;

// Once per frame at most: pointers move more often than that.
export function pointAt(time: number | null): void {
  next = time;
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    cursor.value = next;
  });
}
