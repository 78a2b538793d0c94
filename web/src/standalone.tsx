// A map in one file, for `seqsearch map INDEX -o map.html`: its data are in the page, nothing is asked of anybody.
import { render } from "preact";
import { type About, MapView } from "./map";
import { mapOf } from "./mapdata";

interface Facts { title: string; ids: string[] | null; labels: string[] | null; lengths: number[] | null; note: string }

const text = (id: string): string => document.getElementById(id)!.textContent!;
const bytes = Uint8Array.from(atob(text("map").trim()), (letter) => letter.charCodeAt(0));
const facts = JSON.parse(text("facts")) as Facts;
const data = mapOf(bytes.buffer);
const about = facts.ids
  ? async (point: number): Promise<About> => ({ id: facts.ids![point], label: facts.labels?.[point] ?? "", description: "", length: facts.lengths![point] })
  : undefined;

render(
  <main class="alone">
    <div class="card mapcard"><h1>{facts.title}</h1><MapView data={data} queries={[]} hits={[]} hover="" about={about} /><p class="quiet">{facts.note}</p></div>
  </main>,
  document.getElementById("page")!,
);
