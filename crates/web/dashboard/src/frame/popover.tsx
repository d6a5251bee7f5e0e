// A panel that opens below its button, and closes with Escape, a click elsewhere or a choice in it.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Properties {
  // The class of the whole, and what the panel is called.
  name: string;
  label: string;
  button: ComponentChildren;
  // What the button is called, where its contents do not say it.
  title?: string;
  open: boolean;
  setOpen: (open: boolean) => void;
  children: ComponentChildren;
}

export function Popover({ name, label, button, title, open, setOpen, children }: Properties) {
  const whole = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (!whole.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      opener.current?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("keydown", escape);
    };
  }, [open]);
  return (
    <div class={`popover ${name}`} ref={whole}>
      <button
        type="button"
        class="opener"
        ref={opener}
        title={title}
        aria-label={title}
        aria-haspopup="dialog"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {button}
      </button>
      {open && (
        <div class="panel" role="dialog" aria-label={label}>
          {children}
        </div>
      )}
    </div>
  );
}
