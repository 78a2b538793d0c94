// A map as the service sends it: the length of a JSON head (4 bytes), the head, and the blocks that it names.
import type { Points } from "./scatter";

export interface MapHead {
  method: string; count: number; shares: number[]; by: string; choices: string[]; names: string[]; counts: number[];
  rank: number; ranks: number; methods: string[]; why?: string;
}
export interface MapData extends Points { head: MapHead; rows: Uint32Array | null }
interface Block { name: string; type: "float32" | "uint8" | "uint32"; length: number }

const TYPES = { float32: Float32Array, uint8: Uint8Array, uint32: Uint32Array };

/** `before`: places and rows where only colours were asked for. */
export function mapOf(buffer: ArrayBuffer, before?: MapData): MapData {
  const size = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size))) as MapHead & { blocks: Block[] };
  let at = 4 + size;
  const found: Record<string, Float32Array | Uint8Array | Uint32Array> = {};
  for (const block of head.blocks) {
    found[block.name] = new TYPES[block.type](buffer, at, block.length);
    at += Math.ceil((block.length * TYPES[block.type].BYTES_PER_ELEMENT) / 4) * 4;
  }
  return {
    head, count: head.count,
    places: (found.places as Float32Array) ?? before?.places ?? new Float32Array(),
    rows: (found.rows as Uint32Array) ?? before?.rows ?? null,
    groups: (found.groups as Uint8Array) ?? null,
    numbers: (found.numbers as Float32Array) ?? null,
  };
}
