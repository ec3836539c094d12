/** The curves of a report as a picture, drawn by gnuplot. */

import { must } from "../lab/run.ts";
import { LINK_MBIT } from "./line.ts";
import type { Curve, Report } from "./report.ts";

const WIDTH = 960;
const HEIGHT = 380;
const COLOURS = ["#1f6fb4", "#c4501b", "#4a8f3a"];

type Axes = { readonly title: string; readonly x: string; readonly y: string; readonly key: string };

const CHARTS: Readonly<Record<Curve["chart"], Axes>> = {
  hosts: { title: `32 MiB over links of ${LINK_MBIT} Mbit/s`, x: "hosts", y: "seconds", key: "top left" },
  loss: {
    title: "8 hosts, every packet alone",
    x: "packets lost at each host, %",
    y: "MB/s",
    key: "bottom left",
  },
};

/** Writes an SVG: time over hosts on the left, goodput over loss on the right. Nothing is drawn if the report has no curves. */
export async function draw(report: Report, path: string): Promise<boolean> {
  const curves = report.findings.flatMap((findings) => findings.curves);
  const kinds = (["hosts", "loss"] as const).filter((kind) => curves.some(({ chart }) => chart === kind));
  if (kinds.length === 0) return false;
  const plots = kinds.map((kind) =>
    plot(
      CHARTS[kind],
      curves.filter(({ chart }) => chart === kind),
    ),
  );
  const script = [
    `set terminal svg size ${WIDTH},${HEIGHT} font "sans-serif,13" background rgb "white"`,
    `set output "${path}"`,
    `set multiplot layout 1,${kinds.length}`,
    "set grid lc rgb '#dddddd'",
    "set border 3 lc rgb '#888888'",
    "set tics nomirror",
    "set yrange [0:*]",
    ...plots.flat(),
    "unset multiplot",
  ];
  await must(["gnuplot"], { input: `${script.join("\n")}\n` });
  return true;
}

function plot(axes: Axes, curves: readonly Curve[]): string[] {
  const lines = curves.map(({ name }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    return `"-" using 1:2 with linespoints lw 2 pt 7 ps 0.7 lc rgb "${colour}" title "${name}"`;
  });
  const ticks = [...new Set(curves.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
  return [
    `set title "${axes.title}"`,
    `set key ${axes.key} reverse Left`,
    `set xlabel "${axes.x}"`,
    `set ylabel "${axes.y}"`,
    `set xtics (${ticks.join(", ")})`,
    `set xrange [0:${Math.max(...ticks) * 1.05}]`,
    `plot ${lines.join(", ")}`,
    ...curves.flatMap(({ points }) => [...points.map(([x, y]) => `${x} ${y}`), "e"]),
  ];
}
