// Moments as people read them, in the zone of the browser.

const two = (number: number) => String(number).padStart(2, "0");

// 14:03:07
export function clock(seconds: number, withSeconds = true): string {
  const date = new Date(seconds * 1_000);
  const parts = [date.getHours(), date.getMinutes(), ...(withSeconds ? [date.getSeconds()] : [])];
  return parts.map(two).join(":");
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// 29 Nov, with the year where it is another than that of `now`.
export function day(seconds: number, now: number): string {
  const [date, today] = [new Date(seconds * 1_000), new Date(now * 1_000)];
  const year = date.getFullYear() === today.getFullYear() ? "" : ` ${date.getFullYear()}`;
  return `${date.getDate()} ${MONTHS[date.getMonth()]}${year}`;
}

export function isSameDay(a: number, b: number): boolean {
  return new Date(a * 1_000).toDateString() === new Date(b * 1_000).toDateString();
}

// 14:03:07, or 28 Nov 14:03:07 where that is not today.
export function moment(seconds: number, now: number): string {
  return isSameDay(seconds, now) ? clock(seconds) : `${day(seconds, now)} ${clock(seconds)}`;
}

// A stretch: 14:03:07 – 14:08:07, with the day where it is not today or ends on another.
export function stretch(after: number, before: number, now: number): string {
  const second = isSameDay(after, before) ? clock(before) : moment(before, after);
  return `${moment(after, now)} – ${second}`;
}

// What a field for date and time holds.
export function toField(seconds: number): string {
  const date = new Date(seconds * 1_000);
  const days = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${days}T${clock(seconds)}`;
}

export function fromField(text: string): number | null {
  const ms = new Date(text).getTime();
  return Number.isNaN(ms) ? null : Math.floor(ms / 1_000);
}
