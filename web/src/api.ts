// The service, as the page asks it.

export type Values = number[] | number[][];
export interface Query { id: string; sequence?: string; values?: Values }
export interface IndexFacts {
  name: string; sequences: number; distance: string | null; kind: string; alphabet: string | null;
  label: boolean; writable: boolean; matcher: boolean;
}
export interface Point {
  k: number; candidates: number; ef: number | null; lists: number | null; recall: number; lower: number;
  verified: number | null; proposing: number | null;
}
export interface Info {
  encoder: string; index: string; distance: string | null; dim: number; bits: number | null; bytes: number;
  distance_parameters: Record<string, unknown> | null; columns?: Record<string, string>;
  calibration: { target: number; queries: number; size: number; points: Point[]; weight: number; exact_cost: number | null; stale: boolean };
}
export interface Hit {
  rank: number; target: string; distance: number; label?: string; identity?: number; coverage?: number; cigar?: string;
  target_start?: number; target_end?: number; query_start?: number; strand?: string; confidence?: number; score?: number;
  target_sequence?: string | Values; [column: string]: unknown;
}
export interface Result {
  query: string; guarantee?: "proved" | "group" | "marginal" | "none"; p_value?: number | null; hits: Hit[];
}
export interface Answer { results: Result[]; message: string; warnings: string[]; took_ms: number }
export interface Asked {
  k: number; budget: "default" | "recall" | "candidates" | "exact" | "within";
  recall: number; candidates: number; within: number; strand: "plus" | "both"; where: string;
}
export interface Aligned {
  target: string; distance: number; target_values?: Values; path?: [number, number][] | null;
  cigar?: string; query_start?: number; target_start?: number; target_row?: string[];
}
export interface Histogram {
  edges: number[]; counts: number[]; known: number; source: string; threshold: number | null; fpr: number; why: string;
}
export interface Placed { queries: [number, number][]; targets: ([number, number] | null)[] }

const TOKEN = "seqsearch-token";

export class ServiceError extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly remedy = "") { super(message); }
}

export const token = {
  get: (): string => sessionStorage.getItem(TOKEN) ?? "",
  set: (value: string): void => (value ? sessionStorage.setItem(TOKEN, value) : sessionStorage.removeItem(TOKEN)),
};

async function ask(path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = {};
  if (token.get()) headers["Authorization"] = `Bearer ${token.get()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, { method: body === undefined ? "GET" : "POST", headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    throw new ServiceError(0, "unreachable", "The service does not answer.", "Is `seqsearch serve` running?");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  const { code = "error", message = answer.statusText, remedy = "" } = told.error ?? {};
  throw new ServiceError(answer.status, code, message, remedy);
}

const get = async <T>(path: string, signal?: AbortSignal): Promise<T> => (await ask(path, undefined, signal)).json();
const post = async <T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> => (await ask(path, body, signal)).json();
const at = (name: string, rest: string): string => `v1/indexes/${encodeURIComponent(name)}/${rest}`;

export function searchBody(queries: Query[], asked: Asked, more: Record<string, unknown> = {}): Record<string, unknown> {
  const body: Record<string, unknown> = { queries, ...more };
  if (asked.budget === "within") Object.assign(body, { exact: "within", max_distance: asked.within });
  else body.k = asked.k;
  if (asked.budget === "recall") body.recall = asked.recall;
  if (asked.budget === "candidates") body.candidates = asked.candidates;
  if (asked.budget === "exact") body.exact = true;
  if (asked.strand === "both") body.strand = "both";
  if (asked.where.trim()) body.where = asked.where.trim();
  return body;
}

export const service = {
  indexes: async (): Promise<IndexFacts[]> => (await get<{ indexes: IndexFacts[] }>("v1/indexes")).indexes,
  info: (name: string): Promise<Info> => get(at(name, "info")),
  search: (name: string, body: unknown, signal?: AbortSignal): Promise<Answer> => post(at(name, "search"), body, signal),
  align: async (name: string, query: Query, targets: string[], strand: "plus" | "minus"): Promise<Aligned[]> =>
    (await post<{ alignments: Aligned[] }>(at(name, "align"), { query, targets, strand })).alignments,
  examples: async (name: string, seed: number): Promise<Query[]> =>
    (await get<{ examples: Query[] }>(at(name, `examples?seed=${seed}`))).examples,
  record: async (name: string, row: number): Promise<Query> => (await get<{ record: Query }>(at(name, `map/record?row=${row}`))).record,
  /** null while it is being measured. */
  histogram: async (name: string): Promise<Histogram | null> => {
    const answer = await ask(at(name, "histogram"));
    return answer.status === 202 ? null : answer.json();
  },
  map: async (name: string, method: string, by: string, rank: number, part: string): Promise<{ status: number; buffer: ArrayBuffer }> => {
    const wanted = new URLSearchParams({ method, part });
    if (by) wanted.set("by", by);
    if (rank) wanted.set("rank", String(rank));
    const answer = await ask(at(name, `map?${wanted}`));
    return { status: answer.status, buffer: await answer.arrayBuffer() };
  },
  point: (name: string, row: number): Promise<{ id: string; label: string; description: string; length: number; text: string }> => get(at(name, `map/point?row=${row}`)),
  place: (name: string, method: string, queries: Query[], ids: string[]): Promise<Placed> =>
    post(at(name, "map/place"), { method, queries, ids }),
};
