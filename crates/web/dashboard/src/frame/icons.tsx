// Pictures of one colour, 16 by 16.

import type { ComponentChildren } from "preact";

function icon(children: ComponentChildren) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const Caret = () => icon(<path d="M4 6l4 4 4-4" />);
export const Play = () => icon(<path class="full" d="M5 3.5v9l7-4.5z" />);
export const Pause = () => icon(<path d="M5.5 3.5v9M10.5 3.5v9" stroke-width="2" />);
export const Back = () => icon(<path d="M10 3.5L5.5 8l4.5 4.5" />);
export const Forth = () => icon(<path d="M6 3.5L10.5 8 6 12.5" />);
export const Minus = () => icon(<path d="M3.5 8h9" />);
export const Plus = () => icon(<path d="M3.5 8h9M8 3.5v9" />);
export const Search = () => icon(<path d="M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.4 10.4l3.4 3.4" />);
export const Sun = () =>
  icon(
    <path d="M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9" />,
  );
export const Moon = () => icon(<path d="M13.2 9.8A5.6 5.6 0 0 1 6.2 2.8a5.6 5.6 0 1 0 7 7z" />);
export const Cross = () => icon(<path d="M4 4l8 8M12 4l-8 8" />);
export const Menu = () => icon(<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11" />);
export const Copy = () => icon(<path d="M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z" />);
export const Bell = () =>
  icon(<path d="M3.5 11.5c1-1 1.2-2 1.2-4.2a3.3 3.3 0 0 1 6.6 0c0 2.2.2 3.2 1.2 4.2zM6.8 13.5a1.3 1.3 0 0 0 2.4 0" />);
