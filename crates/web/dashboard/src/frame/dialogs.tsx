// What comes over the page: the token that the node wants, and the list of keys.

import { useEffect, useRef, useState } from "preact/hooks";

import { hasToken, locked, setToken } from "../api.ts";
import { useCell } from "../cell.ts";
import { soon } from "../clock.ts";
import { boundKeys, useKeys } from "../keys.ts";
import { Cross } from "./icons.tsx";

export function TokenDialog() {
  const isLocked = useCell(locked);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), [isLocked]);
  if (!isLocked) return null;
  const submit = (event: Event) => {
    event.preventDefault();
    setToken(field.current!.value.trim() || null);
    soon();
  };
  return (
    <div class="veil">
      <div class="dialog" role="dialog" aria-modal="true" aria-labelledby="token-title">
      <form onSubmit={submit}>
        <h2 id="token-title">This node wants a token</h2>
        <p>
          Its settings name the tokens that may read it (<code>web.tokens</code>). This browser keeps what you enter.
        </p>
        <label>
          <span>Token</span>
          <input ref={field} type="password" autocomplete="current-password" required />
        </label>
        {hasToken() && (
            <p class="wrong" role="alert">
              The token that this browser has is not taken.
            </p>
          )}
        <button type="submit" class="main">
          Enter
        </button>
      </form>
      </div>
    </div>
  );
}

export function KeysDialog() {
  const [open, setOpen] = useState(false);
  const close = useRef<HTMLButtonElement>(null);
  useKeys(
    [
      { keys: ["?"], shown: "?", does: "this list", act: () => setOpen(true) },
      { keys: ["Escape"], shown: "Esc", does: "close what is open", act: () => setOpen(false) },
    ],
    [],
  );
  useEffect(() => close.current?.focus(), [open]);
  if (!open) return null;
  return (
    <div class="veil" onClick={(event) => event.target === event.currentTarget && setOpen(false)}>
      <div class="dialog" role="dialog" aria-modal="true" aria-labelledby="keys-title">
        <button ref={close} type="button" class="close" aria-label="Close" onClick={() => setOpen(false)}>
          <Cross />
        </button>
        <h2 id="keys-title">Keys</h2>
        <dl class="keys">
          {boundKeys().map(({ shown, does }) => (
            <div key={shown}>
              <dt>
                <kbd>{shown}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <h2>On a chart</h2>
        <dl class="keys">
          {GESTURES.map(([shown, does]) => (
            <div key={shown}>
              <dt>
                <kbd>{shown}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
      </div>
    </div>
  );
}

const GESTURES = [
  ["drag", "move all charts in time"],
  ["shift + drag", "zoom into a stretch"],
  ["shift + wheel", "zoom at the pointer"],
  ["double click", "back to live"],
];
