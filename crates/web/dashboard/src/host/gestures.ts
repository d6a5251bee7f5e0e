// What hands do on a chart: drag to move all charts in time, with shift to zoom into a stretch, wheel with
// shift or two fingers to zoom, double click to go back to live.

import { nodeNow } from "../nodetime.ts";
import { show } from "../frame/timecontrol.tsx";
import { bounds, fixed, live, span, view, zoomed } from "../view.ts";
import { pointAt } from "./cursor.ts";

export interface Surface {
  element: HTMLElement;
  // Where the plot's inside is, in pixels of the page.
  inside(): { left: number; width: number } | null;
  timeAt(pixels: number): number;
  // Marks a stretch in pixels of the inside, or nothing.
  mark(from: number | null, to: number): void;
}

const START_PX = 4;
const WHEEL_STEP = 1.25;

interface Grip {
  startX: number;
  from: [number, number];
  isSelecting: boolean;
  hasMoved: boolean;
}

export function listen(surface: Surface): void {
  const { element } = surface;
  const fingers = new Map<number, number>();
  let grip: Grip | null = null;
  let pinch = 0;

  const x = (event: MouseEvent) => event.clientX - (surface.inside()?.left ?? 0);
  const width = () => Math.max(1, surface.inside()?.width ?? 1);
  const now = () => nodeNow();

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !surface.inside()) return;
    fingers.set(event.pointerId, event.clientX);
    pinch = apart(fingers);
    grip = { startX: x(event), from: bounds(view.value, Math.floor(now())), isSelecting: event.shiftKey, hasMoved: false };
    element.setPointerCapture(event.pointerId);
  });

  element.addEventListener("pointermove", (event) => {
    if (!surface.inside()) return;
    if (!grip) return pointAt(surface.timeAt(x(event)));
    fingers.set(event.pointerId, event.clientX);
    if (fingers.size > 1) return squeeze();
    const moved = x(event) - grip.startX;
    grip.hasMoved ||= Math.abs(moved) >= START_PX;
    if (!grip.hasMoved) return;
    if (grip.isSelecting) return surface.mark(grip.startX, x(event));
    const [after, before] = grip.from;
    const by = Math.min((-moved / width()) * (before - after), now() - before);
    element.classList.add("held");
    show(fixed(after + by, before + by));
  });

  const release = (event: PointerEvent) => {
    if (grip?.isSelecting && grip.hasMoved && event.type === "pointerup") {
      const [from, to] = [surface.timeAt(grip.startX), surface.timeAt(x(event))];
      show(fixed(Math.min(from, to), Math.max(from, to)));
    }
    fingers.delete(event.pointerId);
    surface.mark(null, 0);
    element.classList.remove("held");
    grip = null;
    // What is under the pointer is another moment now.
    pointAt(event.pointerType === "mouse" ? surface.timeAt(x(event)) : null);
  };
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);
  element.addEventListener("pointerleave", () => grip ?? pointAt(null));
  element.addEventListener("dblclick", () => show(live(view.value.live ? 300 : span(view.value))));

  element.addEventListener(
    "wheel",
    (event) => {
      const amount = event.deltaY || event.deltaX;
      if (!event.shiftKey || amount === 0 || !surface.inside()) return;
      event.preventDefault();
      const share = Math.min(Math.max(x(event) / width(), 0), 1);
      show(zoomed(view.value, amount > 0 ? WHEEL_STEP : 1 / WHEEL_STEP, Math.floor(now()), share));
      pointAt(surface.timeAt(x(event)));
    },
    { passive: false },
  );

  function squeeze(): void {
    const distance = apart(fingers);
    if (pinch > 0 && distance > 0 && Math.abs(distance / pinch - 1) > 0.05) {
      show(zoomed(view.value, pinch / distance, Math.floor(now())));
      pinch = distance;
    }
  }
}

function apart(fingers: Map<number, number>): number {
  const [a, b] = [...fingers.values()];
  return a === undefined || b === undefined ? 0 : Math.abs(a - b);
}
