// The address of a badge, from what a form says.

export interface Wish {
  chart: string;
  // A dimension's name, or all of them together.
  dimension: string;
  // An alarm of the chart, in place of its value.
  alarm: string;
  // Seconds that the value is of; 0 for the newest one.
  seconds: number;
  group: string;
  label: string;
  units: string;
  colour: string;
  precision: string;
  scale: string;
  refresh: boolean;
}

export const START: Wish = {
  chart: "",
  dimension: "",
  alarm: "",
  seconds: 60,
  group: "average",
  label: "",
  units: "",
  colour: "",
  precision: "",
  scale: "",
  refresh: true,
};

// What the address says of a wish: what is not as at the start.
export function said(wish: Wish): [keyof Wish, string | null][] {
  return (Object.keys(START) as (keyof Wish)[]).map((name) => [name, wish[name] === START[name] ? null : String(wish[name])]);
}

// The wish that an address says.
export function heard(word: (name: string) => string | null): Wish {
  const wish = { ...START };
  for (const name of Object.keys(START) as (keyof Wish)[]) {
    const text = word(name);
    if (text === null) continue;
    if (name === "seconds") wish.seconds = Math.max(0, Number.parseInt(text, 10) || 0);
    else if (name === "refresh") wish.refresh = text !== "false";
    else wish[name] = text;
  }
  return wish;
}

// The query: what is as the node would have it anyway is left out.
export function query(wish: Wish): string {
  const words = new URLSearchParams({ chart: wish.chart });
  const put = (name: string, value: string) => value.trim() && words.set(name, value.trim());
  if (wish.alarm) put("alarm", wish.alarm);
  else {
    put("dimensions", wish.dimension);
    if (wish.seconds > 0) put("after", String(-wish.seconds));
    if (wish.seconds > 0 && wish.group !== "average") put("group", wish.group);
    put("units", wish.units);
    put("value_color", wish.colour);
  }
  put("label", wish.label);
  put("precision", wish.precision);
  put("scale", wish.scale);
  if (wish.refresh) put("refresh", "auto");
  return words.toString();
}

export function markdown(url: string, text: string): string {
  return `![${text.replace(/[[\]\\]/g, "\\$&")}](${url})`;
}

export function html(url: string, text: string): string {
  const escape = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<img src="${escape(url)}" alt="${escape(text)}">`;
}
