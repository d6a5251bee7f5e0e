// The stretch of time: play and pause, back and forth, presets, and any range.

import { useState } from "preact/hooks";

import { useCell } from "../cell.ts";
import { soon } from "../clock.ts";
import { useKeys } from "../keys.ts";
import { nodeNow } from "../nodetime.ts";
import { fromField, stretch, toField } from "../times.ts";
import { duration } from "../units.ts";
import { bounds, fixed, live, moved, paused, playing, span, view, zoomed, type View } from "../view.ts";
import { Back, Caret, Forth, Minus, Pause, Play, Plus } from "./icons.tsx";
import { Popover } from "./popover.tsx";

const PRESETS: [number, string][] = [
  [60, "1 min"],
  [300, "5 min"],
  [900, "15 min"],
  [1_800, "30 min"],
  [3_600, "1 h"],
  [10_800, "3 h"],
  [21_600, "6 h"],
  [43_200, "12 h"],
  [86_400, "1 day"],
  [172_800, "2 days"],
  [604_800, "7 days"],
  [2_592_000, "30 days"],
];

export function show(next: View): void {
  view.value = next;
  soon();
}

const now = () => Math.floor(nodeNow());
const toggle = () => show(view.value.live ? paused(view.value, now()) : playing(view.value));
const move = (share: number) => show(moved(view.value, share, now()));
const zoom = (factor: number) => show(zoomed(view.value, factor, now()));

export function TimeControl() {
  const [open, setOpen] = useState(false);
  const current = useCell(view);
  useKeys(
    [
      { keys: [" "], shown: "space", does: "pause, play", act: toggle },
      { keys: ["ArrowLeft"], shown: "←", does: "back in time", act: () => move(-0.25) },
      { keys: ["ArrowRight"], shown: "→", does: "forth in time", act: () => move(0.25) },
      { keys: ["+", "="], shown: "+", does: "shorter stretch", act: () => zoom(0.5) },
      { keys: ["-", "_"], shown: "−", does: "longer stretch", act: () => zoom(2) },
      { keys: ["0"], shown: "0", does: "last five minutes, live", act: () => show(live(300)) },
      { keys: ["r"], shown: "r", does: "choose a range", act: () => setOpen(true) },
    ],
    [],
  );
  const said = current.live ? `Last ${duration(current.seconds)}` : stretch(current.after, current.before, now());
  return (
    <div class="timecontrol" role="group" aria-label="Time">
      <button
        type="button"
        class={current.live ? "toggle on" : "toggle"}
        onClick={toggle}
        aria-pressed={current.live}
        title={current.live ? "Pause (space)" : "Play (space)"}
      >
        {current.live ? <Pause /> : <Play />}
        <span>{current.live ? "Live" : "Paused"}</span>
      </button>
      <Popover
        name="range"
        label="Range"
        open={open}
        setOpen={setOpen}
        button={
          <>
            <span class="said">{said}</span>
            <Caret />
          </>
        }
      >
        <Range current={current} close={() => setOpen(false)} />
      </Popover>
      <span class="steps">
        <button type="button" onClick={() => move(-0.5)} title="Back in time (←)" aria-label="Back in time">
          <Back />
        </button>
        <button
          type="button"
          onClick={() => move(0.5)}
          disabled={current.live}
          title="Forth in time (→)"
          aria-label="Forth in time"
        >
          <Forth />
        </button>
        <button type="button" onClick={() => zoom(2)} title="Longer stretch (−)" aria-label="Longer stretch">
          <Minus />
        </button>
        <button type="button" onClick={() => zoom(0.5)} title="Shorter stretch (+)" aria-label="Shorter stretch">
          <Plus />
        </button>
      </span>
    </div>
  );
}

function Range({ current, close }: { current: View; close: () => void }) {
  const [after, before] = bounds(current, now());
  const [wrong, setWrong] = useState("");
  const choose = (next: View) => {
    show(next);
    close();
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const [from, to] = ["from", "to"].map((name) => fromField(String(fields.get(name))));
    if (from == null || to == null) setWrong("Both ends want a date and a time.");
    else if (to <= from) setWrong("It ends before it begins.");
    else choose(fixed(from, to));
  };
  return (
    <>
      <h2>Going on, the last</h2>
      <div class="presets">
        {PRESETS.map(([seconds, name]) => (
          <button
            type="button"
            key={seconds}
            aria-pressed={current.live && span(current) === seconds}
            onClick={() => choose(live(seconds))}
          >
            {name}
          </button>
        ))}
      </div>
      <form onSubmit={submit}>
        <h2>Fixed</h2>
        <label>
          <span>From</span>
          <input type="datetime-local" name="from" step="1" required defaultValue={toField(after)} />
        </label>
        <label>
          <span>To</span>
          <input type="datetime-local" name="to" step="1" required defaultValue={toField(before)} />
        </label>
        {wrong && (
          <p class="wrong" role="alert">
            {wrong}
          </p>
        )}
        <button type="submit" class="main">
          Show
        </button>
      </form>
    </>
  );
}
