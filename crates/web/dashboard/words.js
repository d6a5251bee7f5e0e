// Numbers, ages and names as people read them.

const SCALES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]];

// A number in few characters: 0, 0.42, 12.3, 1234, 45.1k. Text of equal magnitude has equal width.
export function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(2);
  const scale = SCALES.find(([least]) => size >= least);
  if (scale) {
    const unit = scale[1] === "k" ? 1e3 : scale[0];
    return decimals(value / unit, 2) + scale[1];
  }
  if (size > 0 && size < 0.005) return value.toPrecision(1);
  return decimals(value, 2);
}

function decimals(value, most) {
  const size = Math.abs(value);
  if (Number.isInteger(value)) return value.toString();
  return value.toFixed(size >= 1000 ? 0 : size >= 100 ? Math.min(most, 1) : most);
}

// A number beside an axis that reaches to `size` and has a mark each `step`.
export function mark(value, step, size) {
  const [unit, suffix] = SCALES.find(([least]) => size >= least) ?? [1, ""];
  const scaled = suffix === "k" ? 1e3 : unit;
  if (Math.abs(value) < step / 1e6) return "0";
  const digits = Math.max(0, Math.ceil(-Math.log10(step / scaled) - 1e-9));
  // A step of 2.5 wants a digit more than one of 2.
  const more = Math.abs(step / scaled * 10 ** digits % 1) > 1e-6 ? 1 : 0;
  return (value / scaled).toFixed(Math.min(digits + more, 9)) + suffix;
}

// How long ago, from seconds.
export function age(seconds) {
  if (seconds === null) return "no data";
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

export function time(ms, seconds = true) {
  const date = new Date(ms);
  const parts = [date.getHours(), date.getMinutes()].concat(seconds ? [date.getSeconds()] : []);
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

const SECTIONS = new Map(Object.entries({
  system: "System", cpu: "CPUs", mem: "Memory", disk: "Disks", net: "Network interfaces", ip: "Network stack",
  ipv4: "IPv4", ipv6: "IPv6", netfilter: "Firewall", apps: "Applications", users: "Users", groups: "Groups",
  services: "Services", sensors: "Sensors", netdata: "Monitoring", tributary: "Monitoring",
}));

// The section that a chart's type belongs to: all of a disk's charts stand together.
export function sectionOf(type) {
  return type.match(/^(disk|net|ap|powersupply|statsd)_/)?.[1] ?? type;
}

export function section(type) {
  return SECTIONS.get(type) ?? type;
}
