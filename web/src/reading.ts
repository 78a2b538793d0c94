// What people paste or drop, as queries.
import type { Query, Values } from "./api";

/** FASTA, FASTQ, or one sequence a line; of series, numbers a line or JSON. Throws Error naming the line. */
export function queriesOf(text: string, kind: string): Query[] {
  if (kind === "series") return seriesOf(text);
  const trimmed = text.trim();
  if (!trimmed) return [];
  if (trimmed.startsWith(">")) return fasta(trimmed);
  if (trimmed.startsWith("@") && kind !== "text") return fastq(trimmed);
  return trimmed.split(/\r?\n/).map((line) => line.trim()).filter(Boolean).map((sequence, at) => ({ id: `query ${at + 1}`, sequence }));
}

function fasta(text: string): Query[] {
  return text.split(/^>/m).slice(1).map((record, at) => {
    const [head, ...lines] = record.split(/\r?\n/);
    return { id: head.trim().split(/\s+/)[0] || `query ${at + 1}`, sequence: lines.join("").replaceAll(/\s+/g, "") };
  });
}

function fastq(text: string): Query[] {
  const lines = text.split(/\r?\n/);
  const queries: Query[] = [];
  for (let at = 0; at + 1 < lines.length; at += 4)
    queries.push({ id: lines[at].slice(1).split(/\s+/)[0] || `query ${queries.length + 1}`, sequence: lines[at + 1].trim() });
  return queries;
}

function seriesOf(text: string): Query[] {
  const trimmed = text.trim();
  if (!trimmed) return [];
  const made: Query[] = [];
  let column: number[] = [];
  trimmed.split(/\r?\n/).forEach((raw, at) => {
    const line = raw.trim();
    if (!line || line.startsWith("#")) return;
    if (line.startsWith("[")) {
      made.push({ id: `query ${made.length + 1}`, values: json(line, at + 1) });
      return;
    }
    const numbers = line.split(/[\s,;]+/).filter(Boolean).map(Number);
    if (numbers.some((value) => !Number.isFinite(value))) throw new Error(`line ${at + 1} is no row of numbers`);
    if (numbers.length === 1) column.push(numbers[0]);
    else made.push({ id: `query ${made.length + 1}`, values: numbers });
  });
  if (column.length) made.unshift({ id: "query", values: column });
  return made;
}

function json(line: string, number: number): Values {
  const values = JSON.parse(line) as Values;
  const flat = (values as unknown[]).flat();
  if (!flat.length || flat.some((value) => typeof value !== "number")) throw new Error(`line ${number} is no list of numbers`);
  return values;
}

/** Queries as they are shown in the field. */
export function textOf(queries: Query[]): string {
  return queries.map(({ id, sequence, values }) => {
    if (values) return Array.isArray(values[0]) ? JSON.stringify(values) : (values as number[]).map((value) => Number(value.toPrecision(7))).join(" ");
    return `>${id}\n${sequence}`;
  }).join("\n");
}

/** The numbers of an .npy file as a series, (T,) or (T, F). Throws Error for other kinds. */
export function npy(buffer: ArrayBuffer): Values {
  const view = new DataView(buffer);
  const long = view.getUint8(6) > 1;
  const size = long ? view.getUint32(8, true) : view.getUint16(8, true);
  const begin = (long ? 12 : 10) + size;
  const head = new TextDecoder().decode(new Uint8Array(buffer, long ? 12 : 10, size));
  const type = /'descr': '[<|]([fiu]\d)'/.exec(head)?.[1] ?? "";
  const shape = (/'shape': \(([^)]*)\)/.exec(head)?.[1] ?? "").split(",").map((part) => part.trim()).filter(Boolean).map(Number);
  const read: Record<string, [number, (at: number) => number]> = {
    f4: [4, (at) => view.getFloat32(at, true)], f8: [8, (at) => view.getFloat64(at, true)],
    i1: [1, (at) => view.getInt8(at)], u1: [1, (at) => view.getUint8(at)],
    i2: [2, (at) => view.getInt16(at, true)], i4: [4, (at) => view.getInt32(at, true)], i8: [8, (at) => Number(view.getBigInt64(at, true))],
  };
  if (!read[type] || head.includes("'fortran_order': True") || shape.length < 1 || shape.length > 2)
    throw new Error("only .npy files of numbers with one or two axes are read");
  const [width, number] = read[type];
  const count = shape.reduce((a, b) => a * b, 1);
  const flat = Array.from({ length: count }, (_, at) => number(begin + at * width));
  if (shape.length === 1) return flat;
  return Array.from({ length: shape[0] }, (_, row) => flat.slice(row * shape[1], (row + 1) * shape[1]));
}

const PAIRS: Record<string, string> = { A: "T", C: "G", G: "C", T: "A", U: "A", R: "Y", Y: "R", K: "M", M: "K", B: "V", V: "B", D: "H", H: "D" };

/** The other strand. */
export function reverseComplement(text: string): string {
  const rna = /u/i.test(text) && !/t/i.test(text);
  return Array.from(text.toUpperCase()).reverse().map((letter) => {
    const other = PAIRS[letter] ?? letter;
    return rna && other === "T" ? "U" : other;
  }).join("");
}
