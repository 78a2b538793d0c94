// Two charts, drawn as SVG so that the style sheet colours them and screen readers read what they say.
import { useRef, useState } from "preact/hooks";
import type { Histogram, Info, Point } from "./api";

const shown = (value: number): string => (Math.abs(value) >= 1000 ? value.toLocaleString("en", { maximumFractionDigits: 0 }) : String(Number(value.toPrecision(4))));
const W = 400;
const H = 230;
const BOX = { left: 52, right: 12, top: 14, bottom: 36 };
const across = (share: number): number => BOX.left + share * (W - BOX.left - BOX.right);
const up = (share: number): number => H - BOX.bottom - share * (H - BOX.top - BOX.bottom);

function cost(point: Point, weight: number): number {
  return (point.proposing ?? point.ef ?? point.candidates) + weight * (point.verified ?? point.candidates);
}

/** The point of the curve that a budget in words names, -1 where it names none. */
export function chosenPoint(points: Point[], how: string): number {
  const told = /([\d,]+) candidates(?: of ([\d,]+) lists)?(?:.*?ef ([\d,]+))?/.exec(how);
  if (!told) return -1;
  const [candidates, lists, ef] = told.slice(1).map((text) => (text ? Number(text.replaceAll(",", "")) : null));
  const measured = Number(/measured recall ([\d.]+)/.exec(how)?.[1] ?? NaN);
  const fitting = points.filter((point) => point.candidates === candidates && (lists === null || point.lists === lists) && (ef === null || point.ef === ef));
  return points.indexOf(fitting.find((point) => Math.abs(point.recall - measured) < 6e-5) ?? fitting[0]);
}

export function RecallCurve({ info, k, how, exact, onPick }: { info: Info; k: number; how: string; exact: boolean; onPick: (point: Point) => void }) {
  const { points, weight, exact_cost, target, size } = info.calibration;
  const ks = [...new Set(points.map((point) => point.k))].sort((a, b) => a - b);
  const near = ks.find((each) => each >= k) ?? ks[ks.length - 1];
  const curve = points.filter((point) => point.k === near);
  const [over, setOver] = useState(-1);
  if (!curve.length || !exact_cost) return <p class="quiet">Every search of this index compares with everything, by proof: there is no budget to choose.</p>;
  const faster = (point: Point): number => exact_cost / Math.max(cost(point, weight), 1e-9);
  const FLOOR = 1e-3;
  const stretch = (recall: number): number => -Math.log10(Math.max(1 - recall, 0) + FLOOR);
  const low = Math.min(...curve.map((point) => stretch(point.recall)), stretch(target), stretch(0.9));
  const x = (recall: number): number => across((stretch(recall) - low) / (3 - low));
  const speeds = curve.map(faster);
  const [least, most] = [Math.min(...speeds) / 1.5, Math.max(...speeds) * 1.3];
  const y = (speed: number): number => up(Math.log(speed / least) / Math.log(most / least));
  const front = curve.filter((point) => !curve.some((other) => faster(other) > faster(point) && other.recall >= point.recall));
  front.sort((a, b) => a.recall - b.recall || faster(b) - faster(a));
  const chosen = chosenPoint(curve, how);
  const active = over >= 0 ? over : chosen;
  const ticksX = [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1].filter((tick) => stretch(tick) >= low - 1e-9);
  const thinned = ticksX.filter((tick, at) => at === 0 || x(tick) - x(ticksX[at - 1]) > 24 || tick === 0.99 || tick === 1);
  const decades = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000].filter((tick) => tick >= least && tick <= most);
  const step = Math.ceil(decades.length / 6);
  const told = active >= 0 ? curve[active] : null;
  const budget = (point: Point): string => `${point.candidates.toLocaleString("en")} candidates${point.lists ? ` of ${point.lists} lists` : ""}${point.ef ? `, ef ${point.ef}` : ""}`;
  return (
    <figure class="chart">
      <svg viewBox={`0 0 ${W} ${H}`} role="img" aria-label={`Recall against speed of ${curve.length} budgets for ${near} neighbours${told ? `; chosen: ${budget(told)}, recall ${told.recall}` : ""}`}>
        {thinned.map((tick) => <g class="grid"><line x1={x(tick)} x2={x(tick)} y1={BOX.top} y2={up(0)} /><text x={x(tick)} y={up(0) + 14} text-anchor="middle">{String(tick).replace(/^0/, "")}</text></g>)}
        {decades.filter((_, at) => at % step === 0).map((tick) => <g class="grid"><line x1={BOX.left} x2={across(1)} y1={y(tick)} y2={y(tick)} /><text x={BOX.left - 5} y={y(tick) + 3.5} text-anchor="end">{tick.toLocaleString("en")}×</text></g>)}
        <line class="mark" x1={x(target)} x2={x(target)} y1={BOX.top} y2={up(0)} />
        <polyline class="line" points={front.map((point) => `${x(point.recall)},${y(faster(point))}`).join(" ")} />
        {curve.map((point, at) => (
          <circle class={`dot${at === chosen ? " chosen" : ""}${front.includes(point) ? "" : " behind"}`} cx={x(point.recall)} cy={y(faster(point))} r={at === chosen ? 7 : at === over ? 5 : 3.5}
            onPointerEnter={() => setOver(at)} onPointerLeave={() => setOver(-1)} onClick={() => onPick(point)}>
            <title>{`${budget(point)}: recall ${point.recall.toFixed(4)} (at least ${point.lower.toFixed(4)})`}</title>
          </circle>
        ))}
        <text class="axis" x={across(0.5)} y={H - 4} text-anchor="middle">recall@{near}, measured on {info.calibration.queries.toLocaleString("en")} queries</text>
        <text class="axis" x={9} y={up(0.5)} text-anchor="middle" transform={`rotate(-90 9 ${up(0.5)})`}>times brute force</text>
      </svg>
      <figcaption>
        {told ? <><b>{budget(told)}</b>: recall {told.recall.toFixed(4)}, about {shown(Number(faster(told).toPrecision(2)))} times as fast as comparing with all {size.toLocaleString("en")}.</> : exact ? <>This search compared with all {size.toLocaleString("en")}, by proof.</> : <>Estimated from the work of each budget. Choose a point to search with it.</>}
      </figcaption>
    </figure>
  );
}

export function DistanceHistogram({ histogram, marks }: { histogram: Histogram; marks: { distance: number; query: string }[] }) {
  const { edges, counts, threshold, fpr, known } = histogram;
  const svg = useRef<SVGSVGElement>(null);
  const [over, setOver] = useState(-1);
  if (!counts.length) return <p class="quiet">{histogram.why || "Too few sequences are stored to say what is usual."}</p>;
  const furthest = Math.max(edges[usualEnd(counts)], ...marks.map((mark) => mark.distance * 1.04), (threshold ?? 0) * 1.35);
  const left = Math.min(edges[0], 0);
  const x = (value: number): number => across((value - left) / Math.max(furthest - left, 1e-12));
  const tall = Math.max(...counts);
  const y = (count: number): number => up(count / tall);
  const ticks = nice(left, furthest, 6);
  const beyond = marks.filter((mark) => threshold !== null && mark.distance > threshold).length;
  return (
    <figure class="chart">
      <svg ref={svg} viewBox={`0 0 ${W} ${H}`} role="img" aria-label={`Distances of ${known} stored sequences to their nearest neighbour${threshold === null ? "" : `; beyond ${shown(threshold)} a query counts as novel`}`}>
        {ticks.map((tick) => <text class="tick" x={x(tick)} y={up(0) + 14} text-anchor="middle">{shown(tick)}</text>)}
        {threshold !== null && <rect class="beyond" x={x(threshold)} y={BOX.top} width={Math.max(0, across(1) - x(threshold))} height={up(0) - BOX.top} />}
        {counts.map((count, at) => edges[at] < furthest && (
          <rect class={`bar${at === over ? " over" : ""}`} x={x(edges[at]) + 0.5} y={y(count)} width={Math.max(0.8, x(Math.min(edges[at + 1], furthest)) - x(edges[at]) - 1)} height={up(0) - y(count)}
            onPointerEnter={() => setOver(at)} onPointerLeave={() => setOver(-1)}><title>{`${shown(edges[at])} to ${shown(edges[at + 1])}: ${count.toLocaleString("en")} of ${known.toLocaleString("en")}`}</title></rect>
        ))}
        <line class="base" x1={BOX.left} x2={across(1)} y1={up(0)} y2={up(0)} />
        {threshold !== null && <g><line class="mark strong" x1={x(threshold)} x2={x(threshold)} y1={BOX.top - 4} y2={up(0)} /><text class="note" x={Math.min(x(threshold) + 5, across(1) - 70)} y={BOX.top + 8}>novel beyond {shown(threshold)}</text></g>}
        {marks.slice(0, 50).map((mark) => <path class="query" d={`M${x(mark.distance)} ${up(0)}v${-(H - BOX.top - BOX.bottom) * 0.55}`}><title>{`${mark.query}: ${shown(mark.distance)}`}</title></path>)}
        {marks.slice(0, 50).map((mark) => <circle class="query" cx={x(mark.distance)} cy={up(0.55)} r={5}><title>{`${mark.query}: ${shown(mark.distance)}`}</title></circle>)}
        <text class="axis" x={across(0.5)} y={H - 4} text-anchor="middle">distance to the nearest other</text>
      </svg>
      <figcaption>
        {known.toLocaleString("en")} stored sequences, each judged as if it were not stored{threshold === null ? "" : `; ${shown(fpr * 100)}% of them lie beyond the line`}.
        {marks.length > 0 && <> <b>{marks.length === 1 ? `The query is at ${shown(marks[0].distance)}` : `${beyond} of ${marks.length} queries lie beyond`}</b>.</>}
      </figcaption>
    </figure>
  );
}

/** The bin within which all but one in two thousand lie: a tail of single ones would press the rest together. */
function usualEnd(counts: number[]): number {
  const total = counts.reduce((a, b) => a + b, 0);
  let sum = 0;
  return counts.findIndex((count) => (sum += count) >= 0.9995 * total) + 1;
}

function nice(low: number, high: number, count: number): number[] {
  const raw = Math.max(high - low, 1e-12) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw)!;
  return Array.from({ length: Math.floor((high - Math.ceil(low / step) * step) / step) + 1 }, (_, at) => Math.ceil(low / step) * step + at * step);
}
