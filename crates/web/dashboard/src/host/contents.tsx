// The sections of a host's charts, and which of them one is at.

import { useEffect, useRef, useState } from "preact/hooks";

import { setWord, word } from "../view.ts";
import type { Section } from "./charts.ts";

export function Contents({ sections, current }: { sections: Section[]; current: string | null }) {
  const open = current?.split("\n")[0] ?? sections[0]?.id;
  return (
    <nav aria-label="Sections">
      <ul>
        {sections.map((section) => (
          <li key={section.id}>
            <a href={`#${section.id}`} onClick={(event) => jumpTo(event, section.id)} aria-current={section.id === open ? "true" : undefined}>
              <span>{section.name}</span>
              <small>{section.count}</small>
            </a>
            {section.id === open && section.families.length > 1 && (
              <ul>
                {section.families.map((family) => (
                  <li key={family.id}>
                    <a
                      href={`#${family.id}`}
                      onClick={(event) => jumpTo(event, family.id)}
                      aria-current={`${section.id}\n${family.id}` === current ? "true" : undefined}
                    >
                      {family.name}
                    </a>
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
    </nav>
  );
}

function place(id: string): HTMLElement | null {
  const name = CSS.escape(id);
  return document.querySelector(`[data-place="${name}"]`) ?? document.querySelector(`[data-chart="${name}"]`);
}

// Shows a section, a family or a chart; the first of a section with the section's heading.
export function arrive(id: string, behavior: ScrollBehavior): void {
  const element = place(id);
  if (!element) return;
  const heading = element.previousElementSibling;
  const target = heading instanceof HTMLHeadingElement ? heading : element;
  // On a long way, all charts in between would come and go.
  const isFar = Math.abs(target.getBoundingClientRect().top) > 2 * innerHeight;
  target.scrollIntoView({ behavior: isFar ? "instant" : behavior });
}

function jumpTo(event: Event, id: string): void {
  event.preventDefault();
  arrive(id, "auto");
  setWord("at", id);
}

// Which section and family is on top, as `section\nfamily`; the address says it, too.
export function useCurrent(content: { current: HTMLElement | null }, sections: Section[]): string | null {
  const [current, setCurrent] = useState<string | null>(null);
  const isPlaced = useRef(false);
  useEffect(() => {
    if (!isPlaced.current && sections.length > 0 && content.current) {
      isPlaced.current = true;
      const at = word("at");
      if (at) requestAnimationFrame(() => arrive(at, "instant"));
    }
    let isDue = false;
    const look = () => {
      isDue = false;
      const line = innerHeight / 3;
      const families = [...(content.current?.querySelectorAll<HTMLElement>("[data-family]") ?? [])];
      const top = families.findLast((element) => element.getBoundingClientRect().top <= line) ?? families[0];
      if (!top) return setCurrent(null);
      setCurrent(`${top.dataset.section}\n${top.dataset.family}`);
      if (isPlaced.current) setWord("at", scrollY < 200 ? null : top.dataset.family!);
    };
    const later = () => {
      if (!isDue) setTimeout(look, 120);
      isDue = true;
    };
    addEventListener("scroll", later, { passive: true });
    later();
    return () => removeEventListener("scroll", later);
  }, [sections]);
  return current;
}
