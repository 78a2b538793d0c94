// Colours of groups, apart from each other in light and in dark, and of numbers.
export type Rgb = [number, number, number];
const HEX = ["#4269d0", "#efb118", "#ff725c", "#3ca951", "#a463f2", "#00a7b5", "#ff8ab7", "#9c6b4e", "#97bbf5", "#b5bd00", "#d1495b", "#7f8fa9"];
const OTHER: Rgb = [150, 156, 166];

const parsed = (hex: string): Rgb => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as Rgb;
export const css = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`;

export const colourOf = (group: number, names: readonly string[]): Rgb =>
  names[group] === undefined || names[group] === "other" ? OTHER : parsed(HEX[group % HEX.length]);

// viridis, at eight places
const RAMP = ["#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725"].map(parsed);
export function ramp(share: number): Rgb {
  const at = Math.max(0, Math.min(1, share)) * (RAMP.length - 1);
  const from = RAMP[Math.floor(at)];
  const to = RAMP[Math.min(RAMP.length - 1, Math.floor(at) + 1)];
  const part = at - Math.floor(at);
  return from.map((value, channel) => Math.round(value + part * (to[channel] - value))) as Rgb;
}

/** The colours of the values 0 to 255 of a picture. */
export function palette(names: readonly string[], numeric: boolean): Rgb[] {
  if (numeric) return Array.from({ length: 256 }, (_, at) => ramp(at / 255));
  return names.length ? names.map((_, at) => colourOf(at, names)) : [parsed("#4f79d8")];
}
