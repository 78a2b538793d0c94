// The map of an index: pan, zoom, look at a point, and where the query and its hits lie.
import { useEffect, useRef, useState } from "preact/hooks";
import { css, colourOf, palette, ramp } from "./colours";
import type { MapData } from "./mapdata";
import { Scatter, valuesOf } from "./scatter";

export interface Pin { place: [number, number]; name: string }
export interface About { id: string; label: string; description: string; length: number; text?: string }

interface Props {
  data: MapData; queries: Pin[]; hits: Pin[]; hover: string;
  about?: (point: number) => Promise<About>; onPick?: (point: number, about: About) => void;
}

export function MapView({ data, queries, hits, hover, about, onPick }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const scatter = useRef<Scatter | null>(null);
  const before = useRef<Float32Array | null>(null);
  const pins = useRef({ queries, hits, hover });
  const [chosen, setChosen] = useState(-1);
  const [tip, setTip] = useState<{ x: number; y: number; point: number; about: About | null } | null>(null);
  const waiting = useRef(0);
  pins.current = { queries, hits, hover };

  const pinned = (): void => {
    const field = overlay.current;
    const map = scatter.current;
    if (!field || !map) return;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    Object.assign(field, { width: field.clientWidth * ratio, height: field.clientHeight * ratio });
    const pen = field.getContext("2d")!;
    const style = getComputedStyle(field);
    const [ink, paper] = [style.getPropertyValue("--ink"), style.getPropertyValue("--card")];
    pen.scale(ratio, ratio);
    pen.lineWidth = 2;
    for (const pin of pins.current.hits) {
      const [x, y] = map.toScreen(...pin.place);
      const at = pin.name === pins.current.hover;
      for (const [width, colour] of [[4.5, paper], [at ? 3 : 1.8, ink]] as const) {
        pen.beginPath(); pen.arc(x, y, at ? 9 : 6, 0, 7); pen.lineWidth = width; pen.strokeStyle = colour; pen.stroke();
      }
    }
    for (const pin of pins.current.queries) {
      const [x, y] = map.toScreen(...pin.place);
      star(pen, x, y, 11);
      pen.lineWidth = 3.5; pen.strokeStyle = paper; pen.stroke();
      pen.fillStyle = style.getPropertyValue("--query"); pen.fill();
      pen.lineWidth = 1.2; pen.strokeStyle = ink; pen.stroke();
    }
  };

  useEffect(() => {
    const field = canvas.current!;
    const map = new Scatter(field);
    scatter.current = map;
    map.onDraw = pinned;
    let later = 0; // so that what is shown beside it is there first
    const watch = new ResizeObserver(() => { clearTimeout(later); later = window.setTimeout(() => map.redraw(), 90); });
    watch.observe(field);
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      setTip(null);
      const box = field.getBoundingClientRect();
      map.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.clientX - box.left, event.clientY - box.top);
    };
    field.addEventListener("wheel", wheel, { passive: false });
    return () => { watch.disconnect(); field.removeEventListener("wheel", wheel); };
  }, []);
  useEffect(() => {
    scatter.current!.setPoints(data, before.current === data.places);
    before.current = data.places;
    setChosen(-1);
  }, [data]);
  useEffect(() => scatter.current!.setColours(palette(data.head.names, Boolean(data.numbers)), chosen), [data, chosen]);
  useEffect(pinned, [queries, hits, hover]);

  const touches = useRef(new Map<number, [number, number]>());
  const moved = useRef(0);
  const place = (event: PointerEvent): [number, number] => {
    const box = canvas.current!.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const look = (x: number, y: number): void => {
    window.clearTimeout(waiting.current);
    const point = scatter.current!.under(x, y);
    if (point < 0 || !about) { setTip(null); return; }
    if (tip?.point === point) return;
    waiting.current = window.setTimeout(async () => {
      setTip({ x, y, point, about: null });
      const told = await about(point).catch(() => null);
      setTip((now) => (now && now.point === point ? { ...now, about: told } : now));
    }, 60);
  };
  const down = (event: PointerEvent): void => {
    canvas.current!.setPointerCapture(event.pointerId);
    touches.current.set(event.pointerId, place(event));
    moved.current = 0;
  };
  const move = (event: PointerEvent): void => {
    const [x, y] = place(event);
    const was = touches.current.get(event.pointerId);
    if (!was) { look(x, y); return; }
    const others = [...touches.current].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    if (others.length) {
      const [ox, oy] = others[0];
      const factor = Math.hypot(x - ox, y - oy) / Math.max(Math.hypot(was[0] - ox, was[1] - oy), 1);
      scatter.current!.zoom(factor, (x + ox) / 2, (y + oy) / 2);
    } else scatter.current!.pan(x - was[0], y - was[1]);
    moved.current += Math.abs(x - was[0]) + Math.abs(y - was[1]);
    touches.current.set(event.pointerId, [x, y]);
    setTip(null);
  };
  const lift = async (event: PointerEvent): Promise<void> => {
    touches.current.delete(event.pointerId);
    if (moved.current > 5 || !about) return;
    const [x, y] = place(event);
    const point = scatter.current!.under(x, y, event.pointerType === "touch" ? 20 : 9);
    if (point < 0) return;
    const told = await about(point).catch(() => null);
    setTip({ x, y, point, about: told });
    if (told && onPick) onPick(point, told);
  };
  const key = (event: KeyboardEvent): void => {
    const map = scatter.current!;
    const moves: Record<string, () => void> = {
      ArrowLeft: () => map.pan(40, 0), ArrowRight: () => map.pan(-40, 0), ArrowUp: () => map.pan(0, 40), ArrowDown: () => map.pan(0, -40),
      "+": () => map.zoom(1.4), "=": () => map.zoom(1.4), "-": () => map.zoom(1 / 1.4), "0": () => map.reset(),
    };
    const act = moves[event.key];
    if (act) { event.preventDefault(); setTip(null); act(); }
  };

  const { head } = data;
  const bounds = data.numbers ? valuesOf(data) : null;
  return (
    <div class="map">
      <div class="field">
        <canvas ref={canvas} tabIndex={0} role="application" aria-label={`Map of ${data.count.toLocaleString("en")} sequences. Arrow keys move it, plus and minus zoom, 0 shows all.`}
          onPointerDown={down} onPointerMove={move} onPointerUp={lift} onPointerCancel={(event) => touches.current.delete(event.pointerId)} onPointerLeave={() => { window.clearTimeout(waiting.current); }} onKeyDown={key} />
        <canvas ref={overlay} class="over" aria-hidden="true" />
        {tip && <MapTip tip={tip} width={canvas.current!.clientWidth} search={Boolean(onPick)} />}
        <div class="buttons">
          <button type="button" aria-label="Zoom in" onClick={() => scatter.current!.zoom(1.6)}>+</button>
          <button type="button" aria-label="Zoom out" onClick={() => scatter.current!.zoom(1 / 1.6)}>−</button>
          <button type="button" aria-label="Show all" onClick={() => scatter.current!.reset()}>⤢</button>
          {queries.length > 0 && <button type="button" aria-label="Show the query and its hits" onClick={() => scatter.current!.show([...queries, ...hits].map((pin) => pin.place))}>★</button>}
        </div>
      </div>
      {head.names.length > 0 && (
        <ul class="groups" aria-label="Groups">
          {head.names.map((name, at) => (
            <li><button type="button" aria-pressed={chosen === at} onClick={() => setChosen(chosen === at ? -1 : at)}>
              <svg viewBox="0 0 10 10" aria-hidden="true"><circle cx={5} cy={5} r={5} fill={css(colourOf(at, head.names))} /></svg>{name.replace(/^[a-z]__/, "")} <span>{head.counts[at].toLocaleString("en")}</span>
            </button></li>
          ))}
        </ul>
      )}
      {bounds && (
        <p class="ramp"><span>{Number(bounds.low.toPrecision(4))}</span><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">{Array.from({ length: 50 }, (_, at) => <rect x={2 * at} width={2.2} height={6} fill={css(ramp(at / 49))} />)}</svg><span>{Number(bounds.high.toPrecision(4))}</span></p>
      )}
    </div>
  );
}

function MapTip({ tip, width, search }: { tip: { x: number; y: number; about: About | null }; width: number; search: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!box.current) return;
    const right = tip.x > width / 2;
    box.current.style.setProperty(right ? "right" : "left", `${right ? width - tip.x + 12 : tip.x + 12}px`);
    box.current.style.removeProperty(right ? "left" : "right");
    box.current.style.setProperty("top", `${Math.max(4, tip.y - 14)}px`);
  }, [tip.x, tip.y, width]);
  const { about } = tip;
  return (
    <div class="tip" ref={box} role="status">
      {about ? <><b>{about.id}</b>{about.text && <span>{about.text}</span>}{(about.label || about.description) && <span>{about.label || about.description}</span>}<small>length {about.length.toLocaleString("en")}{search ? " · click to search for it" : ""}</small></> : "…"}
    </div>
  );
}

function star(pen: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  pen.beginPath();
  for (let at = 0; at < 10; at++) {
    const r = at % 2 ? radius * 0.45 : radius;
    pen.lineTo(x + r * Math.sin((at * Math.PI) / 5), y - r * Math.cos((at * Math.PI) / 5));
  }
  pen.closePath();
}
