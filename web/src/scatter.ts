// Up to millions of points by WebGL 2, or, where there is none, by pixels; pan, zoom and the point under the pointer.
// regl-scatterplot would do this, but builds functions from strings, which the content security policy forbids.

export interface Points { count: number; places: Float32Array; groups: Uint8Array | null; numbers: Float32Array | null }
export interface View { x: number; y: number; scale: number }

const VERTEX = `#version 300 es
in vec2 place; in float value; uniform vec2 centre; uniform vec2 scale; uniform float size; uniform float chosen;
uniform sampler2D colours; out vec4 tint;
void main() {
  gl_Position = vec4((place - centre) * scale, 0.0, 1.0);
  bool faded = chosen >= 0.0 && abs(value - chosen) > 0.5;
  gl_PointSize = size;
  vec4 colour = texelFetch(colours, ivec2(int(value + 0.5), 0), 0);
  tint = faded ? vec4(colour.rgb, 0.05) : colour;
}`;
const FRAGMENT = `#version 300 es
precision mediump float; in vec4 tint; uniform float round; out vec4 colour;
void main() {
  vec2 at = 2.0 * gl_PointCoord - 1.0; float r = dot(at, at);
  if (round > 0.5 && r > 1.0) discard;
  float alpha = tint.a * (round > 0.5 ? 1.0 - smoothstep(0.6, 1.0, r) : 1.0);
  colour = vec4(tint.rgb * alpha, alpha);
}`;

/** The values of a picture, 0 to 255: group numbers, or numbers from the 2nd to the 98th of a hundred. */
export function valuesOf(points: Points): { values: Uint8Array; low: number; high: number } {
  if (points.groups) return { values: points.groups, low: 0, high: 0 };
  if (!points.numbers) return { values: new Uint8Array(points.count), low: 0, high: 0 };
  const some = Float32Array.from({ length: Math.min(points.count, 5000) }, (_, at) => points.numbers![Math.floor((at * points.count) / Math.min(points.count, 5000))])
    .filter(Number.isFinite).sort();
  const low = some[Math.floor(some.length * 0.02)] ?? 0;
  const high = some[Math.floor(some.length * 0.98)] ?? 1;
  const values = Uint8Array.from(points.numbers, (value) =>
    Number.isFinite(value) ? Math.max(0, Math.min(255, Math.round((255 * (value - low)) / Math.max(high - low, 1e-12)))) : 0);
  return { values, low, high };
}

export class Scatter {
  view: View = { x: 0, y: 0, scale: 1 };
  readonly by: "webgl" | "pixels";
  private gl: WebGL2RenderingContext | null;
  private program: WebGLProgram | null = null;
  private points: Points | null = null;
  private values = new Uint8Array();
  private palette = new Uint8Array(256 * 4);
  private chosen = -1;
  private home: View = { x: 0, y: 0, scale: 1 };
  private grid: Grid | null = null;
  private due = 0;
  private moved = false;
  private buffers: WebGLBuffer[] = [];
  private took = 0; // milliseconds of the last picture of all points
  private settling = 0;
  onDraw: () => void = () => {};

  constructor(readonly canvas: HTMLCanvasElement) {
    this.gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true, alpha: true });
    this.by = this.gl ? "webgl" : "pixels";
    if (this.gl) this.prepare(this.gl);
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => { if (this.gl) { this.prepare(this.gl); this.upload(); this.draw(); } });
  }

  private prepare(gl: WebGL2RenderingContext): void {
    const program = gl.createProgram()!;
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, "place");
    gl.bindAttribLocation(program, 1, "value");
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
    this.program = program;
  }

  setPoints(points: Points, keepView = false): void {
    this.points = points;
    this.values = new Uint8Array(valuesOf(points).values);
    this.grid = new Grid(points.places, points.count);
    this.home = homeOf(points);
    if (!keepView) this.reset();
    this.upload();
    this.redraw();
  }

  private upload(): void {
    const { gl, points } = this;
    if (!gl || !points) return;
    this.buffers.forEach((buffer) => gl.deleteBuffer(buffer));
    this.buffers = [points.places, this.values].map((data, at) => {
      const buffer = gl.createBuffer()!;
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(at);
      return buffer;
    });
  }

  /** Every `step`-th point is drawn. */
  private everyNth(gl: WebGL2RenderingContext, step: number): void {
    for (const [at, width, type, bytes] of [[0, 2, gl.FLOAT, 8], [1, 1, gl.UNSIGNED_BYTE, 1]] as const) {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[at]);
      gl.vertexAttribPointer(at, width, type, false, bytes * step, 0);
    }
  }

  /** `colours`: up to 256 of [red, green, blue], of the values. */
  setColours(colours: [number, number, number][], chosen = -1): void {
    colours.forEach((colour, at) => this.palette.set([...colour, 255], 4 * at));
    this.chosen = chosen;
    this.redraw();
  }

  redraw(): void {
    if (!this.due) this.due = requestAnimationFrame(() => { this.due = 0; this.draw(1); });
  }

  /** While something moves, fewer points where all of them take too long; all of them soon after. */
  private follow(): void {
    const step = this.took > 60 ? Math.min(31, Math.ceil(this.took / 20)) : 1;
    if (!this.due) this.due = requestAnimationFrame(() => { this.due = 0; this.draw(step); });
    window.clearTimeout(this.settling);
    if (step > 1) this.settling = window.setTimeout(() => this.redraw(), 250);
  }

  private draw(step = 1): void {
    const begin = performance.now();
    if (step === 1) requestAnimationFrame(() => { this.took = performance.now() - begin; });
    const { canvas } = this;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height });
      if (this.points && !this.moved) this.reset();
    }
    if (this.points) (this.gl ? this.drawByGl(ratio, step) : this.drawByPixels(ratio, step));
    this.onDraw();
  }

  private opacity(): number {
    const count = this.points!.count;
    const zoom = this.view.scale / this.home.scale;
    return Math.min(1, Math.max(0.22, 0.9 * Math.min(1, (20000 * zoom) / count)));
  }

  private pointSize(ratio: number): number {
    const count = this.points!.count;
    const zoom = Math.max(1, this.view.scale / this.home.scale);
    return ratio * Math.min(14, (count > 300000 ? 1.6 : count > 20000 ? 2.6 : count > 2000 ? 4.5 : 7) * zoom ** 0.35);
  }

  private drawByGl(ratio: number, step: number): void {
    const gl = this.gl!;
    const { width, height } = this.canvas;
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const palette = this.palette.slice();
    const alpha = Math.round(255 * this.opacity());
    for (let at = 3; at < palette.length; at += 4) palette[at] = alpha;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, palette);
    const uniform = (name: string): WebGLUniformLocation | null => gl.getUniformLocation(this.program!, name);
    gl.uniform2f(uniform("centre"), this.view.x, this.view.y);
    gl.uniform2f(uniform("scale"), (2 * this.view.scale * ratio) / width, (2 * this.view.scale * ratio) / height);
    const size = this.pointSize(ratio);
    gl.uniform1f(uniform("size"), size);
    gl.uniform1f(uniform("round"), size > 3 ? 1 : 0);
    gl.uniform1f(uniform("chosen"), this.chosen);
    this.everyNth(gl, step);
    gl.drawArrays(gl.POINTS, 0, Math.ceil(this.points!.count / step));
  }

  private drawByPixels(ratio: number, fewer: number): void {
    const pen = this.canvas.getContext("2d")!;
    const { width, height } = this.canvas;
    const { places, count } = this.points!;
    pen.clearRect(0, 0, width, height);
    const step = fewer * Math.max(1, Math.ceil(count / 150000));
    const size = Math.max(1, this.pointSize(ratio) * 0.8);
    pen.globalAlpha = this.opacity();
    for (let at = 0; at < count; at += step) {
      const value = this.values[at];
      const [x, y] = this.toScreen(places[2 * at], places[2 * at + 1]);
      if (x < 0 || y < 0 || x * ratio > width || y * ratio > height) continue;
      pen.globalAlpha = this.chosen >= 0 && value !== this.chosen ? 0.05 : this.opacity();
      pen.fillStyle = `rgb(${this.palette[4 * value]} ${this.palette[4 * value + 1]} ${this.palette[4 * value + 2]})`;
      pen.fillRect(x * ratio - size / 2, y * ratio - size / 2, size, size);
    }
  }

  /** Pixels of the canvas, from its upper left corner. */
  toScreen(x: number, y: number): [number, number] {
    const { clientWidth, clientHeight } = this.canvas;
    return [clientWidth / 2 + (x - this.view.x) * this.view.scale, clientHeight / 2 - (y - this.view.y) * this.view.scale];
  }

  toMap(px: number, py: number): [number, number] {
    const { clientWidth, clientHeight } = this.canvas;
    return [this.view.x + (px - clientWidth / 2) / this.view.scale, this.view.y - (py - clientHeight / 2) / this.view.scale];
  }

  pan(dx: number, dy: number): void {
    this.moved = true;
    this.view.x -= dx / this.view.scale;
    this.view.y += dy / this.view.scale;
    this.follow();
  }

  /** About a pixel, which stays where it is. */
  zoom(factor: number, px = this.canvas.clientWidth / 2, py = this.canvas.clientHeight / 2): void {
    this.moved = true;
    const [x, y] = this.toMap(px, py);
    this.view.scale = Math.max(this.home.scale / 4, Math.min(this.home.scale * 20000, this.view.scale * factor));
    const [nx, ny] = this.toMap(px, py);
    this.view.x += x - nx;
    this.view.y += y - ny;
    this.follow();
  }

  reset(): void {
    this.moved = false;
    if (this.points) this.home = homeOf(this.points, this.canvas);
    this.view = { ...this.home };
    this.redraw();
  }

  /** So that all of some places are in view, with room around. */
  show(places: [number, number][], room = 60): void {
    if (!places.length) return;
    this.moved = true;
    const xs = places.map(([x]) => x);
    const ys = places.map(([, y]) => y);
    const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const { clientWidth, clientHeight } = this.canvas;
    const fit = Math.min((clientWidth - 2 * room) / Math.max(right - left, 1e-9), (clientHeight - 2 * room) / Math.max(high - low, 1e-9));
    this.view = { x: (left + right) / 2, y: (low + high) / 2, scale: Math.max(this.home.scale, Math.min(fit, this.home.scale * 30)) };
    this.redraw();
  }

  /** The number of the point under a pixel, -1 where there is none. */
  under(px: number, py: number, reach = 9): number {
    if (!this.grid) return -1;
    const [x, y] = this.toMap(px, py);
    return this.grid.nearest(x, y, reach / this.view.scale);
  }

  placeOf(point: number): [number, number] {
    return [this.points!.places[2 * point], this.points!.places[2 * point + 1]];
  }
}

/** All but the furthest half percent of the points in the canvas. */
function homeOf(points: Points, canvas?: HTMLCanvasElement): View {
  const n = Math.min(points.count, 20000);
  if (!n) return { x: 0, y: 0, scale: 1 };
  const side = (axis: number): [number, number] => {
    const some = Float32Array.from({ length: n }, (_, at) => points.places[2 * Math.floor((at * points.count) / n) + axis]).sort();
    const cut = Math.floor(n * 0.0025);
    return [some[cut], some[n - 1 - cut]];
  };
  const [left, right] = side(0);
  const [low, high] = side(1);
  const width = canvas?.clientWidth || 420;
  const height = canvas?.clientHeight || 360;
  const scale = 0.92 * Math.min(width / Math.max(right - left, 1e-9), height / Math.max(high - low, 1e-9));
  return { x: (left + right) / 2, y: (low + high) / 2, scale };
}

/** Points by cells of a grid, so that the nearest is found without looking at all. */
class Grid {
  private readonly size: number;
  private readonly begins: Uint32Array;
  private readonly members: Uint32Array;
  private left = Infinity; private low = Infinity; private width = 0; private height = 0;

  constructor(private readonly places: Float32Array, count: number) {
    this.size = Math.max(1, Math.min(512, Math.ceil(Math.sqrt(count / 4))));
    let right = -Infinity;
    let high = -Infinity;
    for (let at = 0; at < count; at++) {
      const x = places[2 * at];
      const y = places[2 * at + 1];
      if (x < this.left) this.left = x;
      if (x > right) right = x;
      if (y < this.low) this.low = y;
      if (y > high) high = y;
    }
    this.width = Math.max(right - this.left, 1e-9);
    this.height = Math.max(high - this.low, 1e-9);
    this.begins = new Uint32Array(this.size * this.size + 1);
    this.members = new Uint32Array(count);
    const cells = new Uint32Array(count);
    for (let at = 0; at < count; at++) {
      cells[at] = this.column(places[2 * at]) + this.size * this.row(places[2 * at + 1]);
      this.begins[cells[at] + 1]++;
    }
    for (let cell = 0; cell < this.size * this.size; cell++) this.begins[cell + 1] += this.begins[cell];
    const next = this.begins.slice();
    for (let at = 0; at < count; at++) this.members[next[cells[at]]++] = at;
  }

  private column(x: number): number { return Math.max(0, Math.min(this.size - 1, Math.floor(((x - this.left) / this.width) * this.size))); }
  private row(y: number): number { return Math.max(0, Math.min(this.size - 1, Math.floor(((y - this.low) / this.height) * this.size))); }

  nearest(x: number, y: number, reach: number): number {
    let best = reach * reach;
    let found = -1;
    for (let row = this.row(y - reach); row <= this.row(y + reach); row++)
      for (let column = this.column(x - reach); column <= this.column(x + reach); column++) {
        const cell = column + this.size * row;
        for (let at = this.begins[cell]; at < this.begins[cell + 1]; at++) {
          const point = this.members[at];
          const dx = this.places[2 * point] - x;
          const dy = this.places[2 * point + 1] - y;
          const squared = dx * dx + dy * dy;
          if (squared < best) { best = squared; found = point; }
        }
      }
    return found;
  }
}
