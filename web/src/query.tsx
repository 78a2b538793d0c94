// What is asked: text, a file, or a drawn series; and how it is searched.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Asked, IndexFacts, Query } from "./api";
import { npy, queriesOf, textOf } from "./reading";

interface Props {
  facts: IndexFacts; text: string; asked: Asked; target: number; busy: boolean; hasColumns: boolean; like: Like;
  onText: (text: string) => void; onAsked: (asked: Asked) => void; onSearch: () => void; onExample: () => void; onError: (text: string) => void;
}

const PLACEHOLDERS: Record<string, string> = {
  series: "Numbers of one series a line:\n0.1 0.4 0.9 1.3 0.7 …",
  text: "One text a line:\nana meier",
  integers: "Numbers of one sequence a line:\n60 62 64 65",
};

export function QueryCard(props: Props) {
  const { facts, text, asked, target, busy, onText, onAsked, onSearch } = props;
  const file = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const strands = facts.kind === "dna" || facts.kind === "rna";
  let count = 0;
  let wrong = "";
  try { count = queriesOf(text, facts.kind).length; } catch (error) { wrong = (error as Error).message; }

  const take = async (files: FileList | null): Promise<void> => {
    const given = files?.[0];
    if (!given) return;
    try {
      if (given.size > 30e6) throw new Error(`${given.name} has ${(given.size / 1e6).toFixed(0)} MB: send it as a job, or use the command line`);
      if (/\.npy$/i.test(given.name)) onText(textOf([{ id: given.name, values: npy(await given.arrayBuffer()) }]));
      else if (/\.gz$/i.test(given.name)) onText(await new Response(given.stream().pipeThrough(new DecompressionStream("gzip"))).text());
      else onText(await given.text());
    } catch (error) { props.onError((error as Error).message); }
  };
  const set = (part: Partial<Asked>): void => onAsked({ ...asked, ...part });

  return (
    <form class="card query" onSubmit={(event) => { event.preventDefault(); onSearch(); }} aria-label="Query">
      <div class="row between">
        <h2><label for="queries">Query</label></h2>
        <div class="row">
          {!facts.matcher && <button type="button" class="plain" onClick={props.onExample}>Try a stored one</button>}
          <button type="button" class="plain" onClick={() => file.current?.click()}>Open file</button>
          <input ref={file} type="file" class="hidden" tabIndex={-1} aria-label="File of queries" onChange={(event) => { take(event.currentTarget.files); event.currentTarget.value = ""; }} />
        </div>
      </div>
      {facts.kind === "series" && <Drawing text={text} like={props.like} onText={onText} />}
      <textarea id="queries" class={over ? "over" : ""} rows={facts.kind === "series" ? 4 : 8} spellcheck={false} autocomplete="off" value={text}
        placeholder={PLACEHOLDERS[facts.kind] ?? ">read1\nTACGGAGGATCCGAGCGTTATCCGGATTTATTGGG\n\nPaste FASTA or sequences, or drop a file."}
        onInput={(event) => onText(event.currentTarget.value)}
        onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); onSearch(); } }}
        onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
        onDrop={(event) => { event.preventDefault(); setOver(false); take(event.dataTransfer?.files ?? null); }}
        aria-describedby="count" />
      <p id="count" class={wrong ? "quiet wrong" : "quiet"} role={wrong ? "alert" : undefined}>{wrong || (count ? `${count.toLocaleString("en")} ${count === 1 ? "query" : "queries"}` : "Paste, drop a file, or click a point of the map.")}</p>

      <fieldset>
        <legend>How far to look</legend>
        <div class="fields">
          <label>Neighbours<input type="number" min={1} max={1000} value={asked.k} disabled={asked.budget === "within"} onInput={(event) => set({ k: Math.max(1, Number(event.currentTarget.value) || 1) })} /></label>
          <label>Effort
            <select value={asked.budget} onChange={(event) => set({ budget: event.currentTarget.value as Asked["budget"] })}>
              {!facts.matcher && <option value="default">recall {target}</option>}
              {facts.matcher && <option value="default">as calibrated</option>}
              <option value="recall">another recall</option>
              <option value="candidates">candidates …</option>
              {!facts.matcher && <option value="exact">exact, by proof</option>}
              {!facts.matcher && <option value="within">all within a distance</option>}
            </select>
          </label>
          {asked.budget === "recall" && <label>Recall<input type="number" min={0.01} max={1} step={0.005} value={asked.recall} onInput={(event) => set({ recall: Number(event.currentTarget.value) })} /></label>}
          {asked.budget === "candidates" && <label>Candidates<input type="number" min={1} value={asked.candidates} onInput={(event) => set({ candidates: Number(event.currentTarget.value) })} /></label>}
          {asked.budget === "within" && <label>Distance<input type="number" min={0} step="any" value={asked.within} onInput={(event) => set({ within: Number(event.currentTarget.value) })} /></label>}
          {strands && <label>Strands<select value={asked.strand} onChange={(event) => set({ strand: event.currentTarget.value as Asked["strand"] })}><option value="plus">as given</option><option value="both">both</option></select></label>}
          {(props.hasColumns || facts.label) && <label class="wide">Only where<input type="text" value={asked.where} placeholder={'label = "…"'} onInput={(event) => set({ where: event.currentTarget.value })} /></label>}
        </div>
      </fieldset>
      <button class="primary" type="submit" disabled={!count || Boolean(wrong)} aria-busy={busy}>{busy ? "Searching …" : "Search"}<kbd aria-hidden="true">Ctrl ⏎</kbd></button>
    </form>
  );
}

/** A field to draw a series in: every column of pixels has one value. */
function Drawing({ text, like, onText }: { text: string; like: Like; onText: (text: string) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const values = useRef<number[]>([]);
  const range = useRef<[number, number]>([-2, 2]);
  const last = useRef<[number, number] | null>(null);

  const read = (): number[] => {
    try {
      const given = queriesOf(text, "series")[0]?.values;
      return given ? (Array.isArray(given[0]) ? (given as number[][]).map((step) => step[0]) : (given as number[])) : [];
    } catch { return []; }
  };
  const draw = (): void => {
    const field = canvas.current;
    if (!field) return;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [width, height] = [field.clientWidth, field.clientHeight];
    Object.assign(field, { width: width * ratio, height: height * ratio });
    const pen = field.getContext("2d")!;
    const style = getComputedStyle(field);
    pen.scale(ratio, ratio);
    pen.strokeStyle = style.getPropertyValue("--line");
    pen.beginPath(); pen.moveTo(0, height / 2); pen.lineTo(width, height / 2); pen.stroke();
    const series = values.current;
    if (series.length < 2) return;
    const [low, high] = range.current;
    pen.strokeStyle = style.getPropertyValue("--accent");
    pen.lineWidth = 2;
    pen.lineJoin = "round";
    pen.beginPath();
    series.forEach((value, at) => pen.lineTo((at / (series.length - 1)) * width, height - ((value - low) / (high - low)) * height));
    pen.stroke();
  };
  useEffect(() => {
    if (last.current) return;
    values.current = read();
    const [low, high] = [Math.min(like.low, ...values.current), Math.max(like.high, ...values.current)];
    const room = Math.max((high - low) * 0.12, 1e-6);
    range.current = [low - room, high + room];
    draw();
  }, [text, like]);
  useEffect(() => {
    const watch = new ResizeObserver(draw);
    if (canvas.current) watch.observe(canvas.current);
    return () => watch.disconnect();
  }, []);

  const put = (event: PointerEvent): void => {
    const field = canvas.current!;
    const box = field.getBoundingClientRect();
    const count = values.current.length;
    const [low, high] = range.current;
    const at = Math.max(0, Math.min(count - 1, Math.round(((event.clientX - box.left) / box.width) * (count - 1))));
    const value = high - ((event.clientY - box.top) / box.height) * (high - low);
    const [from, was] = last.current ?? [at, value];
    for (let step = Math.min(from, at); step <= Math.max(from, at); step++)
      values.current[step] = from === at ? value : was + ((value - was) * (step - from)) / (at - from);
    last.current = [at, value];
    draw();
  };
  const begin = (event: PointerEvent): void => {
    canvas.current!.setPointerCapture(event.pointerId);
    if (values.current.length < 2) values.current = new Array(like.length).fill((range.current[0] + range.current[1]) / 2);
    put(event);
  };
  const end = (): void => {
    if (!last.current) return;
    last.current = null;
    onText(values.current.map((value) => Number(value.toPrecision(5))).join(" "));
  };
  return (
    <div class="drawing">
      <canvas ref={canvas} role="img" aria-label="Field to draw a series with a pointer; the numbers below say the same" onPointerDown={begin}
        onPointerMove={(event) => last.current && put(event)} onPointerUp={end} onPointerCancel={end} />
      <button type="button" class="plain" onClick={() => onText("")}>Clear</button>
    </div>
  );
}

/** How long stored series are, and from where to where they reach: what is drawn is of their kind. */
export interface Like { length: number; low: number; high: number }
export function likeOf(examples: Query[]): Like {
  const numbers = examples.flatMap((one) => (one.values ?? []).map((step) => (Array.isArray(step) ? step[0] : step)));
  return { length: examples[0]?.values?.length ?? 100, low: Math.min(...numbers), high: Math.max(...numbers) };
}

export const windowOf = (query: Query, length: number): Query => {
  if (!query.sequence || query.sequence.length <= 2 * length) return query;
  const begin = Math.floor((query.sequence.length - length) / 2);
  return { id: `${query.id}:${begin + 1}-${begin + length}`, sequence: query.sequence.slice(begin, begin + length) };
};
