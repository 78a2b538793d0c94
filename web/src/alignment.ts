// Rows of an alignment of one query with several targets.
import type { Hit } from "./api";

export interface Row { hit: Hit; cells: string[]; marks: string[] }
export interface Stack { query: string[]; positions: number[]; rows: Row[] }

const symbols = (text: string, kind: string): string[] => (kind === "integers" ? text.split(/\s+/).filter(Boolean) : Array.from(text));

function runs(cigar: string): [number, string][] {
  return Array.from(cigar.matchAll(/(\d+)([=XIDM])/g), ([, length, letter]) => [Number(length), letter]);
}

/** Whether the path of a hit, as it came, takes in the whole query, so that it is known where it begins. */
export function covers(query: string, hit: Hit, kind: string): boolean {
  if (!hit.cigar || hit.target_sequence === undefined) return false;
  return symbols(query, kind).length === runs(hit.cigar).reduce((sum, [length, letter]) => sum + (letter === "D" ? 0 : length), 0);
}

/** The query once, with room wherever a target has more, and a row a hit; "" in a cell is a gap, null outside.
 *  `marks`: "=" equal, "X" other, "I" a gap in the target, "D" in the query, "" outside. `positions`: of the query, 0 in a gap. */
export function stacked(query: string, hits: Hit[], kind: string): Stack {
  const letters = symbols(query, kind);
  const room = new Array<number>(letters.length + 1).fill(0);
  const read = hits.map((hit) => {
    const row = hit.target_row as string[] | undefined;  // the aligned part alone
    const target = row === undefined ? symbols(String(hit.target_sequence ?? ""), kind) : Array.from(row).filter((symbol) => symbol !== "");
    let i = (hit.query_start ?? 1) - 1;
    let j = row === undefined ? (hit.target_start ?? 1) - 1 : 0;
    const own: (string | null)[] = new Array(letters.length).fill(null);
    const extra: string[][] = Array.from({ length: letters.length + 1 }, () => []);
    for (const [length, letter] of runs(hit.cigar ?? ""))
      for (let n = 0; n < length; n++) {
        if (letter === "D") extra[i].push(target[j++] ?? "?");
        else own[i++] = letter === "I" ? "" : target[j++] ?? "?";
      }
    extra.forEach((more, at) => (room[at] = Math.max(room[at], more.length)));
    return { hit, own, extra };
  });
  const shown: string[] = [];
  const positions: number[] = [];
  for (let at = 0; at <= letters.length; at++) {
    for (let n = 0; n < room[at]; n++) { shown.push("-"); positions.push(0); }
    if (at < letters.length) { shown.push(letters[at]); positions.push(at + 1); }
  }
  const rows = read.map(({ hit, own, extra }) => {
    const cells: string[] = [];
    const marks: string[] = [];
    for (let at = 0; at <= letters.length; at++) {
      for (let n = 0; n < room[at]; n++) {
        const more = extra[at][n];
        cells.push(more ?? (inside(own, at) ? "-" : " "));
        marks.push(more === undefined ? "" : "D");
      }
      if (at === letters.length) break;
      const cell = own[at];
      cells.push(cell === null ? " " : cell || "-");
      marks.push(cell === null ? "" : cell === "" ? "I" : same(cell, letters[at]) ? "=" : "X");
    }
    return { hit, cells, marks };
  });
  return { query: shown, positions, rows };
}

const inside = (own: (string | null)[], at: number): boolean => own[Math.min(at, own.length - 1)] !== null;
const same = (a: string, b: string): boolean => a.toUpperCase() === b.toUpperCase();

/** The differences in words, for those who cannot see the rows. */
export function differences(stack: Stack, row: Row, most = 12): string {
  const told: string[] = [];
  let last = 0;
  stack.positions.forEach((position, at) => {
    if (position) last = position;
    const mark = row.marks[at];
    if (mark === "X") told.push(`${stack.query[at]} at ${position} is ${row.cells[at]}`);
    else if (mark === "I") told.push(`${stack.query[at]} at ${position} is missing`);
    else if (mark === "D") told.push(`${row.cells[at]} more after ${last}`);
  });
  if (!told.length) return "no differences";
  return told.slice(0, most).join(", ") + (told.length > most ? ` and ${told.length - most} more` : "");
}
