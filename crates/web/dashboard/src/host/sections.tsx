// The charts of a section; only those near what is visible are there.

import { useLayoutEffect, useRef } from "preact/hooks";

import type { Feed } from "../data/feed.ts";
import { Card } from "./card.ts";
import type { Chart, Section } from "./charts.ts";

export function SectionCharts({ section, feed }: { section: Section; feed: Feed }) {
  return (
    <section aria-labelledby={`section-${section.id}`}>
      <h2 id={`section-${section.id}`} data-place={section.id}>
        {section.name}
      </h2>
      {section.families.map((family) => (
        <div key={family.id} class="family" data-place={family.id} data-family={family.id} data-section={section.id}>
          {section.families.length > 1 && <h3>{family.name}</h3>}
          <div class="cards">
            {family.charts.map((chart) => (
              <ChartCard key={chart.id} chart={chart} feed={feed} />
            ))}
          </div>
        </div>
      ))}
    </section>
  );
}

// One observer for all: what comes near is made, what goes far is unmade.
const near = new Map<Element, (isNear: boolean) => void>();
const observer = new IntersectionObserver(
  (entries) => entries.forEach(({ target, isIntersecting }) => near.get(target)?.(isIntersecting)),
  { rootMargin: "240px 0px" },
);

function ChartCard({ chart, feed }: { chart: Chart; feed: Feed }) {
  const element = useRef<HTMLElement>(null);
  // Before the first frame, so that rows are asked for with it.
  useLayoutEffect(() => {
    const target = element.current!;
    let card: Card | null = null;
    near.set(target, (isNear) => {
      if (isNear) card ??= new Card(target, chart, feed);
      else {
        card?.close();
        card = null;
      }
    });
    observer.observe(target);
    return () => {
      observer.unobserve(target);
      near.delete(target);
      card?.close();
    };
  }, [chart, feed]);
  return <figure ref={element} class="chart" data-chart={chart.id} />;
}
