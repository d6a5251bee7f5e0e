// A small curve of the last minutes. Where there is nothing it has a gap.

import { useMemo } from "preact/hooks";

interface Properties {
  points: (number | null)[];
  // What the upper edge stands for; without it, the largest point.
  top?: number;
  // Points without a value that are bridged: rows that come less often than points.
  bridge?: number;
}

const [WIDTH, HEIGHT] = [72, 22];

export function Spark({ points, top, bridge = 0 }: Properties) {
  const [line, area] = useMemo(() => draw(points, top, bridge), [points, top, bridge]);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} preserveAspectRatio="none" aria-hidden="true">
      <path class="area" d={area} />
      <path class="line" d={line} />
    </svg>
  );
}

function draw(points: (number | null)[], top: number | undefined, bridge: number): [string, string] {
  const most = top ?? Math.max(0, ...points.map((point) => point ?? 0));
  const scale = most > 0 ? (HEIGHT - 2) / most : 0;
  const step = WIDTH / Math.max(points.length - 1, 1);
  const runs: [number, number][][] = [];
  let last = -Infinity;
  points.forEach((point, place) => {
    if (point === null) return;
    const at: [number, number] = [place * step, HEIGHT - 1 - Math.min(point, most) * scale];
    if (place - last <= bridge + 1) runs.at(-1)!.push(at);
    else runs.push([at]);
    last = place;
  });
  const text = ([x, y]: [number, number]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  // A point with gaps on both sides is a dash.
  const whole = (run: [number, number][]) =>
    run.length > 1 ? run : ([run[0]!, [run[0]![0] + step / 2, run[0]![1]]] as [number, number][]);
  const lines = runs.map((run) => `M${whole(run).map(text).join("L")}`);
  const areas = runs.map(whole).map((run) => `M${run[0]![0].toFixed(1)} ${HEIGHT}L${run.map(text).join("L")}L${run.at(-1)![0].toFixed(1)} ${HEIGHT}Z`);
  return [lines.join(""), areas.join("")];
}
