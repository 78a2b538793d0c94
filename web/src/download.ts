// Results as files.
import type { Hit, Query, Result } from "./api";

const HIDDEN = new Set(["target_sequence"]);

export function columnsOf(results: Result[]): string[] {
  const seen = new Set<string>();
  for (const result of results) for (const hit of result.hits) for (const name of Object.keys(hit)) if (!HIDDEN.has(name)) seen.add(name);
  return [...seen];
}

export function tsv(results: Result[]): string {
  const columns = columnsOf(results);
  const cell = (value: unknown): string => (value === null || value === undefined ? "" : String(value).replaceAll(/[\t\r\n]/g, " "));
  const lines = [["query", ...columns, "p_value"].join("\t")];
  for (const result of results)
    for (const hit of result.hits) lines.push([result.query, ...columns.map((name) => cell(hit[name])), cell(result.p_value)].join("\t"));
  return lines.join("\n") + "\n";
}

export function fastaOf(results: Result[]): string {
  const seen = new Map<string, Hit>();
  for (const result of results) for (const hit of result.hits) if (typeof hit.target_sequence === "string") seen.set(hit.target, hit);
  return [...seen.values()].map((hit) => `>${hit.target}${hit.label ? ` ${hit.label}` : ""}\n${hit.target_sequence}\n`).join("");
}

export function save(name: string, content: string, type: string): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

export const asJson = (results: Result[], queries: Query[]): string => JSON.stringify({ queries, results }, null, 1) + "\n";
