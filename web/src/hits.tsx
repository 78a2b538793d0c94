// The hits of one query: sorted, filtered, chosen to be looked at.
import { useMemo, useState } from "preact/hooks";
import type { Hit, Result } from "./api";

const USUAL = ["rank", "target", "target_sequence", "distance", "identity", "coverage", "confidence", "score", "label", "description", "target_start", "target_end", "strand"];
const HIDDEN = new Set(["cigar", "query_start", "query_end", "alignment", "row"]);
const HEADS: Record<string, string> = { rank: "#", target_sequence: "Text", target: "Target", target_start: "From", target_end: "To" };
const SHARES = new Set(["identity", "coverage", "confidence"]);
const STEP = 100;

export function number(value: unknown): string {
  if (typeof value !== "number") return value === null || value === undefined ? "–" : String(value);
  return Number.isInteger(value) ? value.toLocaleString("en") : String(Number(value.toPrecision(5)));
}

interface Props { result: Result; chosen: string[]; parts: boolean; texts: boolean; onChoose: (targets: string[]) => void; onHover: (target: string) => void }

export function Hits({ result, chosen, parts, texts, onChoose, onHover }: Props) {
  const [by, setBy] = useState<[string, 1 | -1]>(["rank", 1]);
  const [filter, setFilter] = useState("");
  const [most, setMost] = useState(STEP);
  const columns = useMemo(() => {
    const there = new Set(result.hits.flatMap((hit) => Object.keys(hit)));
    const some = (name: string, test: (hit: Hit) => boolean): boolean => !told[name] || result.hits.some(test);
    const told: Record<string, boolean> = { label: true, description: true, strand: true, target_start: true, target_end: true };
    const varied = (name: string): boolean =>
      name === "target_sequence" ? texts : name === "strand" ? some(name, (hit) => hit.strand === "-") : name.startsWith("target_") ? parts : some(name, (hit) => Boolean(hit[name]));
    return [...USUAL.filter((name) => there.has(name) && varied(name)), ...[...there].filter((name) => !USUAL.includes(name) && !HIDDEN.has(name))];
  }, [result, parts, texts]);
  const rows = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = result.hits.filter((hit) => words.every((word) => fits(hit, word, columns)));
    const [name, sign] = by;
    return kept.sort((a, b) => sign * compared(a[name], b[name]) || a.rank - b.rank);
  }, [result, by, filter, columns]);
  const widest = Math.max(...result.hits.map((hit) => hit.distance), 1e-12);
  const flip = (target: string): void => onChoose(chosen.includes(target) ? chosen.filter((each) => each !== target) : [...chosen, target]);

  if (!result.hits.length) return <p class="empty">Nothing was found. Ask for a larger distance, or for other conditions.</p>;
  return (
    <div>
      <div class="row between tools">
        <label class="filter"><span class="hidden">Filter hits</span><input type="search" placeholder="Filter: words, distance<5, identity>0.97" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} /></label>
        <span class="quiet" role="status">{rows.length === result.hits.length ? `${rows.length.toLocaleString("en")} hits` : `${rows.length.toLocaleString("en")} of ${result.hits.length.toLocaleString("en")} hits`}</span>
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label="Hits">
        <table class="hits">
          <thead>
            <tr>
              <th class="pick"><span class="hidden">Show alignment</span></th>
              {columns.map((name) => (
                <th class={typeof result.hits[0][name] === "number" ? "number" : ""} aria-sort={by[0] === name ? (by[1] > 0 ? "ascending" : "descending") : "none"}>
                  <button type="button" onClick={() => setBy([name, by[0] === name ? (-by[1] as 1 | -1) : 1])}>{HEADS[name] ?? name[0].toUpperCase() + name.slice(1)}<i aria-hidden="true">{by[0] === name ? (by[1] > 0 ? "▲" : "▼") : ""}</i></button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, most).map((hit) => (
              <tr key={`${hit.target} ${hit.strand ?? ""}`} class={chosen.includes(hit.target) ? "chosen" : ""} onClick={(event) => { if ((event.target as HTMLElement).tagName !== "INPUT") flip(hit.target); }}
                onPointerEnter={() => onHover(hit.target)} onPointerLeave={() => onHover("")}>
                <td class="pick"><input type="checkbox" aria-label={`Show the alignment with ${hit.target}`} checked={chosen.includes(hit.target)} onChange={() => flip(hit.target)} /></td>
                {columns.map((name) => <Cell name={name} hit={hit} widest={widest} />)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > most && <button type="button" class="plain" onClick={() => setMost(most + 5 * STEP)}>Show more of {rows.length.toLocaleString("en")}</button>}
    </div>
  );
}

function Cell({ name, hit, widest }: { name: string; hit: Hit; widest: number }) {
  const value = hit[name];
  if (name === "target") return <th scope="row" class="target">{hit.target}</th>;
  if (name === "target_sequence") return <td class="text" title={String(value ?? "")}>{String(value ?? "")}</td>;
  if (name === "distance")
    return <td class="number"><svg class="bar" viewBox="0 0 40 6" preserveAspectRatio="none" aria-hidden="true"><rect class="back" width={40} height={6} rx={3} /><rect class="front" width={Math.max(1.5, (40 * hit.distance) / widest)} height={6} rx={3} /></svg>{number(value)}</td>;
  if (SHARES.has(name)) return <td class="number">{typeof value === "number" ? `${(100 * value).toFixed(1)}%` : <span class="waiting">…</span>}</td>;
  if (name === "strand") return <td class="middle">{value === "-" ? "−" : "+"}</td>;
  if (typeof value === "number") return <td class="number">{number(value)}</td>;
  if (name === "label" || name === "description") return <td class="label" title={String(value ?? "")}>{shortened(String(value ?? ""))}</td>;
  return <td title={String(value ?? "")}>{Array.isArray(value) ? value.join(", ") : number(value)}</td>;
}

/** The last ranks of a lineage that say something. */
function shortened(text: string): string {
  const parts = text.split(";").map((part) => part.trim()).filter((part) => part && !part.endsWith("__"));
  const named = parts.map((part) => part.replace(/^[a-z]__/, ""));
  return named.length > 2 ? `… ${named.slice(-2).join("; ")}` : named.join("; ");
}

function compared(a: unknown, b: unknown): number {
  if (a === undefined || a === null) return b === undefined || b === null ? 0 : 1;
  if (b === undefined || b === null) return -1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
}

/** A word of a filter: a comparison with a number, or part of what a row says. */
function fits(hit: Hit, word: string, columns: string[]): boolean {
  const told = /^(\w+)(<=|>=|<|>|=)(-?[\d.]+)$/.exec(word);
  if (told && columns.includes(told[1])) {
    const value = Number(hit[told[1]]);
    const limit = Number(told[3]);
    return { "<": value < limit, ">": value > limit, "<=": value <= limit, ">=": value >= limit, "=": value === limit }[told[2]]!;
  }
  return columns.some((name) => String(hit[name] ?? "").toLowerCase().includes(word));
}
