// A value that others watch. Pages read it with `useCell` and are drawn anew when it changes.

import { useEffect, useState } from "preact/hooks";

export class Cell<T> {
  #value: T;
  #watchers = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const watcher of [...this.#watchers]) watcher(value);
  }

  // Calls `watcher` with every later value; the answer ends that.
  watch(watcher: (value: T) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }
}

export function useCell<T>(cell: Cell<T>): T {
  const [, setValue] = useState(cell.value);
  useEffect(() => {
    setValue(() => cell.value);
    return cell.watch((value) => setValue(() => value));
  }, [cell]);
  return cell.value;
}
