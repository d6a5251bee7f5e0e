// Long lists: only the lines that are seen, and some around them, are in the page. All are of one height.

import { useEffect, useRef, useState } from "preact/hooks";
import type { RefObject } from "preact";

// Lines beyond the edges of the window, so that a quick turn of the wheel shows no hole.
const SPARE = 12;

export interface Seen<E extends HTMLElement> {
  // The element that is as high as all lines together.
  whole: RefObject<E | null>;
  // The first line that is in the page, and the one after the last.
  first: number;
  end: number;
  // Brings a line to sight.
  show: (line: number) => void;
}

export function useSeen<E extends HTMLElement>(count: number, height: number): Seen<E> {
  const whole = useRef<E>(null);
  const [[first, end], setRange] = useState<[number, number]>([0, 40]);
  useEffect(() => {
    const look = () => {
      const top = whole.current?.getBoundingClientRect().top ?? 0;
      const from = Math.max(0, Math.floor(-top / height) - SPARE);
      const until = Math.ceil((innerHeight - top) / height) + SPARE;
      setRange((range) => (range[0] === from && range[1] === until ? range : [from, until]));
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [height, count]);
  const show = (line: number) => {
    const top = (whole.current?.getBoundingClientRect().top ?? 0) + line * height;
    const [least, most] = [innerHeight * 0.2, innerHeight * 0.8 - height];
    if (top < least || top > most) scrollBy({ top: top - (top < least ? least : most), behavior: "instant" });
  };
  return { whole, first: Math.min(first, count), end: Math.min(end, count), show };
}

// Whether the window is narrow, as style sheets have it.
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const look = () => setMatches(list.matches);
    look();
    list.addEventListener("change", look);
    return () => list.removeEventListener("change", look);
  }, [query]);
  return matches;
}
