// A query and what was found, side by side: rows of letters, or curves and how they were warped.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Aligned, Hit, Query, Values } from "./api";
import { service } from "./api";
import { covers, differences, stacked, type Stack } from "./alignment";
import { number } from "./hits";
import { reverseComplement } from "./reading";

interface Props { index: string; kind: string; query: Query; hits: Hit[] }

export function Alignments({ index, kind, query, hits }: Props) {
  if (!hits.length) return <p class="empty">Choose hits in the table to see how they differ from the query.</p>;
  if (kind === "series") return <div>{hits.slice(0, 4).map((hit) => <Warping key={hit.target} index={index} query={query} hit={hit} />)}</div>;
  return <Letters index={index} kind={kind} query={query} hits={hits.slice(0, 50)} />;
}

/** Paths from end to end of the query came with the hits; of others the service is asked where they begin. */
function Letters({ index, kind, query, hits }: Props) {
  const [found, setFound] = useState(new Map<string, Hit>());
  const [wrong, setWrong] = useState("");
  const ready = hits.filter((hit) => covers(query.sequence ?? "", hit, kind));
  const left = hits.filter((hit) => !ready.includes(hit) && !found.has(nameOf(hit)));
  useEffect(() => setFound(new Map()), [index, query]);
  useEffect(() => {
    if (!left.length) return;
    let here = true;
    const ask = async (strand: "plus" | "minus"): Promise<Hit[]> => {
      const some = left.filter((hit) => (hit.strand === "-") === (strand === "minus"));
      if (!some.length) return [];
      const aligned = await service.align(index, query, some.map((hit) => hit.target), strand);
      return some.map((hit, at) => ({ ...hit, ...aligned[at], rank: hit.rank, strand: hit.strand, target_sequence: undefined }));
    };
    Promise.all([ask("plus"), ask("minus")]).then((parts) => {
      if (here) { setWrong(""); setFound((before) => new Map([...before, ...parts.flat().map((hit) => [nameOf(hit), hit] as const)])); }
    }).catch((error) => here && setWrong((error as Error).message));
    return () => { here = false; };
  }, [index, query, left.map(nameOf).join("\n")]);
  const shown = hits.map((hit) => (ready.includes(hit) ? hit : found.get(nameOf(hit)))).filter((hit): hit is Hit => Boolean(hit?.cigar));
  const plus = shown.filter((hit) => hit.strand !== "-");
  const minus = shown.filter((hit) => hit.strand === "-");
  return (
    <div>
      {plus.length > 0 && <Rows query={query.sequence ?? ""} hits={plus} kind={kind} title="" />}
      {minus.length > 0 && <Rows query={reverseComplement(query.sequence ?? "")} hits={minus} kind={kind} title="The reverse complement of the query, which these are near to:" />}
      {wrong && <Beside query={query} hits={hits} why={wrong} />}
      {!wrong && left.length > 0 && <p class="quiet" role="status">Reading the alignments …</p>}
    </div>
  );
}

const nameOf = (hit: Hit): string => `${hit.strand ?? "+"}${hit.target}`;

/** Where a distance has no paths: what was compared, as it is. */
function Beside({ query, hits, why }: { query: Query; hits: Hit[]; why: string }) {
  return (
    <div>
      <dl class="plain-rows"><dt>query</dt><dd>{query.sequence}</dd>{hits.map((hit) => <><dt>{hit.target}</dt><dd>{String(hit.target_sequence ?? "")}</dd></>)}</dl>
      <p class="quiet">{why}</p>
    </div>
  );
}

function Rows({ query, hits, kind, title }: { query: string; hits: Hit[]; kind: string; title: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [columns, setColumns] = useState(60);
  const stack = useMemo(() => stacked(query, hits, kind), [query, hits, kind]);
  const names = Math.min(18, Math.max(5, ...hits.map((hit) => hit.target.length)));
  const wide = kind === "integers" ? 4 : 1;
  useLayoutEffect(() => {
    const fit = (): void => {
      const probe = box.current?.querySelector<HTMLElement>(".probe");
      if (!box.current || !probe) return;
      const letters = Math.floor(box.current.clientWidth / (probe.getBoundingClientRect().width / 100));
      setColumns(Math.max(10, Math.floor((letters - names - 13) / wide / 10) * 10 || 10));
    };
    fit();
    const watch = new ResizeObserver(fit);
    if (box.current) watch.observe(box.current);
    return () => watch.disconnect();
  }, [names, wide]);
  const blocks = Array.from({ length: Math.ceil(stack.query.length / columns) }, (_, at) => at * columns);
  return (
    <div class="stack" ref={box}>
      <span class="probe" aria-hidden="true">{"0".repeat(100)}</span>
      {title && <p class="quiet">{title}</p>}
      <div role="group" aria-label="Alignment">
        {blocks.slice(0, 200).map((start) => <Block stack={stack} start={start} columns={columns} names={names} wide={wide} />)}
      </div>
      <ul class="hidden">{stack.rows.map((row) => <li>{`${row.hit.target}: ${differences(stack, row)}`}</li>)}</ul>
      <p class="legend" aria-hidden="true"><span class="m-x">A</span> other <span class="m-i">-</span> missing <span class="m-d">A</span> more than the query</p>
    </div>
  );
}

function Block({ stack, start, columns, names, wide }: { stack: Stack; start: number; columns: number; names: number; wide: number }) {
  const end = Math.min(start + columns, stack.query.length);
  const wider = (cell: string): string => (wide === 1 ? cell : cell.padStart(wide - 1) + " ");
  const placed = stack.positions.slice(start, end).filter(Boolean);
  const head = placed.length ? `${String(placed[0])}` : "";
  const tail = placed.length ? `${placed[placed.length - 1]}` : "";
  const name = (text: string): string => (text.length > names ? `${text.slice(0, names - 1)}…` : text).padEnd(names);
  return (
    <pre aria-hidden="true">
      <b>{name("query")}</b> <i>{head.padStart(5)}</i> <b>{stack.query.slice(start, end).map(wider).join("")}</b> <i>{tail}</i>{"\n"}
      {stack.rows.map((row) => {
        let before = (row.hit.target_start ?? 1) - 1;
        for (let at = 0; at < start; at++) if ("=XD".includes(row.marks[at] || "?")) before++;
        let inside = 0;
        for (let at = start; at < end; at++) if ("=XD".includes(row.marks[at] || "?")) inside++;
        return <>{name(row.hit.target)} <i>{(inside ? String(before + 1) : "").padStart(5)}</i> {pieces(row.cells, row.marks, start, end).map(([mark, text]) => mark ? <span class={mark}>{wide === 1 ? text.join("") : text.map(wider).join("")}</span> : text.map(wider).join(""))} <i>{inside ? before + inside : ""}</i>{"\n"}</>;
      })}
    </pre>
  );
}

const CLASSES: Record<string, string> = { "=": "m-s", X: "m-x", I: "m-i", D: "m-d" };

function pieces(cells: string[], marks: string[], start: number, end: number): [string, string[]][] {
  const made: [string, string[]][] = [];
  for (let at = start; at < end; at++) {
    const mark = CLASSES[marks[at]] ?? "";
    if (made.length && made[made.length - 1][0] === mark) made[made.length - 1][1].push(cells[at]);
    else made.push([mark, [cells[at]]]);
  }
  return made;
}

const first = (values: Values): number[] => (Array.isArray(values[0]) ? (values as number[][]).map((step) => step[0]) : (values as number[]));

/** Both curves, one above the other with lines between what belongs together, and the path in its square. */
function Warping({ index, query, hit }: { index: string; query: Query; hit: Hit }) {
  const [path, setPath] = useState<Aligned | null>(null);
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    let here = true;
    setPath(null); setWrong("");
    service.align(index, query, [hit.target], "plus").then(([found]) => here && setPath(found)).catch((error) => here && setWrong((error as Error).message));
    return () => { here = false; };
  }, [index, query, hit.target]);
  if (wrong) return <p class="quiet wrong">{hit.target}: {wrong}</p>;
  if (!path) return <p class="quiet" role="status">Reading the path to {hit.target} …</p>;
  const [above, below] = [first(query.values ?? []), first(path.target_values ?? [])];
  const steps = path.path ?? [];
  const all = [...above, ...below];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const [W, H, gap] = [640, 260, 18];
  const half = (H - gap) / 2;
  const longest = Math.max(above.length, below.length, 2) - 1;
  const x = (at: number): number => 6 + (at / longest) * (W - 12);
  const y = (value: number, top: number): number => top + half - 4 - ((value - low) / Math.max(high - low, 1e-12)) * (half - 8);
  const line = (values: number[], top: number): string => values.map((value, at) => `${x(at).toFixed(1)},${y(value, top).toFixed(1)}`).join(" ");
  const step = Math.max(1, Math.floor(steps.length / 70));
  const S = 150;
  const px = (at: number, count: number): number => 4 + (at / Math.max(count - 1, 1)) * (S - 8);
  const off = steps.reduce((most, [i, j]) => Math.max(most, Math.abs(i - j)), 0);
  return (
    <figure class="warping">
      <figcaption><b>{hit.target}</b>{hit.label ? ` · ${hit.label}` : ""} · distance {number(hit.distance)}{steps.length > 0 && <> · warped by up to {off} {off === 1 ? "step" : "steps"}</>}</figcaption>
      <div class="warp-row">
        <svg viewBox={`0 0 ${W} ${H}`} role="img" aria-label={`The query above, ${hit.target} below; lines join steps that belong together`}>
          {steps.filter((_, at) => at % step === 0).map(([i, j]) => <line class="tie" x1={x(i)} y1={y(above[i], 0)} x2={x(j)} y2={y(below[j], half + gap)} />)}
          <polyline class="curve query" points={line(above, 0)} />
          <polyline class="curve target" points={line(below, half + gap)} />
          <text x={8} y={13}>query</text><text x={8} y={H - 5}>{hit.target}</text>
        </svg>
        {steps.length > 0 && <svg class="square" viewBox={`0 0 ${S} ${S + 14}`} role="img" aria-label="The warping path: steps of the query across, of the target up">
          <rect x={4} y={4} width={S - 8} height={S - 8} />
          <line class="diagonal" x1={4} y1={S - 4} x2={S - 4} y2={4} />
          <polyline class="curve query" points={steps.map(([i, j]) => `${px(i, above.length).toFixed(1)},${(S - px(j, below.length)).toFixed(1)}`).join(" ")} />
          <text x={S / 2} y={S + 10} text-anchor="middle">warping path</text>
        </svg>}
      </div>
    </figure>
  );
}
