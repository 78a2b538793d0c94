// What is asked, as the fragment of the address: a link shows the same search to somebody else.
import type { Asked } from "./api";

export const USUAL: Asked = { k: 10, budget: "default", recall: 0.99, candidates: 100, within: 5, strand: "plus", where: "" };
export interface Shared { index: string; text: string; asked: Asked }

const LONG = 1200;

const packed = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const unpacked = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

async function through(bytes: Uint8Array<ArrayBuffer>, change: GenericTransformStream): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(change as unknown as ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The fragment of a search; long queries are compressed. */
export async function toFragment({ index, text, asked }: Shared): Promise<string> {
  const fields = new URLSearchParams({ index });
  for (const [name, value] of Object.entries(asked)) if (value !== USUAL[name as keyof Asked]) fields.set(name, String(value));
  if (text.length > LONG) fields.set("z", packed(await through(new TextEncoder().encode(text), new CompressionStream("deflate-raw"))));
  else if (text) fields.set("q", text);
  return `#${fields}`;
}

/** What a fragment asks for; what it does not say is as usual, and what makes no sense is left out. */
export async function ofFragment(fragment: string): Promise<Shared> {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const asked: Asked = { ...USUAL };
  const numbers = ["k", "recall", "candidates", "within"] as const;
  for (const name of numbers) {
    const value = Number(fields.get(name) ?? NaN);
    if (Number.isFinite(value) && value >= 0) asked[name] = value;
  }
  const budget = fields.get("budget");
  if (budget && ["default", "recall", "candidates", "exact", "within"].includes(budget)) asked.budget = budget as Asked["budget"];
  if (fields.get("strand") === "both") asked.strand = "both";
  asked.where = fields.get("where") ?? "";
  let text = fields.get("q") ?? "";
  const long = fields.get("z");
  if (long) text = new TextDecoder().decode(await through(unpacked(long), new DecompressionStream("deflate-raw")).catch(() => new Uint8Array()));
  return { index: fields.get("index") ?? "", text, asked };
}
