/** The HTML of a report: one self-contained file, for light and dark screens, phones and paper. */

/** Content of a page. */
export interface Page {
  title: string;
  /** HTML below the title. */
  subtitle: string;
  /** HTML of the sections, in order. */
  sections: readonly string[];
  /** A page of a server, in place of a file: its script, and further style. */
  live?: { script: string; style: string };
}

/** Content security policy by which the browser refuses all requests of the page. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

const STYLE = `
:root { color-scheme: light dark; --page: #f4f5f7; --card: #ffffff; --text: #1c2330; --muted: #5b6575; --line: #d9dde4;
  --accent: #2566b8; --warn: #9a5b00; --warn-page: #fff4df; }
@media (prefers-color-scheme: dark) { :root { --page: #12151b; --card: #1a1f28; --text: #e6e9ef; --muted: #98a3b5;
  --line: #303846; --accent: #7db3f2; --warn: #ffc46b; --warn-page: #33270f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.55 system-ui, -apple-system, "Segoe UI",
  "DejaVu Sans", sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 26px; line-height: 1.25; margin: 8px 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 34px 0 10px; } h3 { font-size: 15px; margin: 22px 0 6px; }
.subtitle, .note, figcaption { color: var(--muted); font-size: 13.5px; }
.note { max-width: 75ch; margin: 6px 0 12px; }
a { color: var(--accent); }
.grid { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); }
.grid.maps { grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.pair { display: grid; gap: 12px; align-items: start; grid-template-columns: minmax(0, 386px) minmax(0, 1fr); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 8px; margin: 0;
  min-width: 0; break-inside: avoid; }
.card svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 12px; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; } th { color: var(--muted); font-weight: 600; font-size: 13px; }
td.number, th.number { text-align: right; white-space: nowrap; }
td:first-child:not(:last-child) { min-width: 120px; } .own td { font-weight: 600; }
.options td { overflow-wrap: anywhere; } code, pre { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px; }
.warn { background: var(--warn-page); color: var(--warn); border-radius: 10px; padding: 10px 14px; margin: 12px 0; }
.warn p { margin: 2px 0; overflow-wrap: anywhere; }
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); margin: 18px 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 10px 14px; break-inside: avoid; }
.tile b { display: block; font-size: 20px; line-height: 1.3; white-space: nowrap; }
.tile small { color: var(--muted); font-size: 12.5px; font-weight: 600; }
.tile span { color: var(--muted); font-size: 13px; display: block; line-height: 1.4; }
.matrix { max-width: 658px; }
.views { width: 100%; height: auto; display: block; border-radius: 6px; background: #fff; }
.neighbours { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); }
.strip { display: grid; grid-template-columns: repeat(7, 1fr); gap: 5px; }
.strip figure { margin: 0; min-width: 0; } .strip img { width: 100%; aspect-ratio: 1; image-rendering: pixelated;
  border-radius: 4px; display: block; } .strip figure:first-child img { outline: 2px solid var(--accent); }
.strip figcaption { font-size: 10.5px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.strip .other figcaption { color: var(--warn); font-weight: 600; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; margin: 6px 0 12px; font-size: 13.5px; }
.legend li { overflow-wrap: anywhere; } .legend i { display: inline-block; width: 18px; height: 5px; border-radius: 3px; margin: 0 7px 3px 0; }
details > summary { cursor: pointer; color: var(--accent); margin: 10px 0; }
@media (max-width: 860px) { .pair { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 560px) { main { padding: 14px 10px 40px; } h1 { font-size: 21px; } th, td { padding: 5px 6px;
  font-size: 12.5px; } td:first-child:not(:last-child) { min-width: 76px; } }
@media print { :root { --page: #ffffff; --card: #ffffff; --text: #111; --muted: #444; --line: #ccc; } body { font-size: 12px; }
  main { max-width: none; padding: 0; } h2, h3 { break-after: avoid; margin-top: 20px; } .tile b { font-size: 17px; }
  .grid, .grid.maps, .neighbours { grid-template-columns: 1fr 1fr; gap: 8px; } .pair { grid-template-columns: 1fr 1.15fr; }
  .tiles { grid-template-columns: repeat(3, 1fr); gap: 8px; margin: 10px 0; } .matrix { max-width: 470px; }
  details { display: none; } th, td { padding: 3px 8px; font-size: 11px; } .note, .subtitle { font-size: 11px; } .views { max-width: 560px; }
  .scroll { overflow: visible; } pre { white-space: pre-wrap; } tr { break-inside: avoid; } }
@page { margin: 16mm 14mm; }
`;

/** Content security policy of a page of a server: requests go to that server alone, and no inline script runs. */
export const LIVE_POLICY =
  "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** Returns a page as one HTML file. */
export function htmlOf({ title, subtitle, sections, live }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${live ? LIVE_POLICY : POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}${live?.style ?? ""}</style>${
    live ? `\n<script src="${escaped(live.script)}" defer></script>` : ""
  }
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p class="subtitle">${subtitle}</p>
${sections.join("\n")}
</main>
</body>
</html>
`;
}

/** Escapes text for HTML. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Returns a section of a heading and parts in HTML. */
export function section(heading: string, ...parts: readonly string[]): string {
  return `<section>\n<h2>${escaped(heading)}</h2>\n${parts.join("\n")}\n</section>`;
}

/** Returns a plot in a frame, with a legend below that shows all of its names. */
export function card(svg: string, legend = ""): string {
  return `<figure class="card">${svg}${legend}</figure>`;
}

/** Returns names beside their colours. */
export function legendOf(names: readonly string[], colours: readonly string[]): string {
  const items = names.map((name, index) =>
    `<li><i style="background:${colours[index % colours.length]}"></i>${escaped(name)}</li>`
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** One value of a page, to be seen first. */
export interface Tile {
  value: string;
  /** Standard error, or the rest of the value, in small print behind the value. */
  aside?: string;
  /** Lines on what the value is. */
  lines: readonly string[];
}

/** Returns tiles; "" where there are none. */
export function tiles(shown: readonly Tile[]): string {
  const cells = shown.map(({ value, aside, lines }) => {
    const small = aside === undefined ? "" : ` <small>${escaped(aside)}</small>`;
    const below = lines.map((line) => `<span>${escaped(line)}</span>`).join("");
    return `<div class="tile"><b>${escaped(value)}${small}</b>${below}</div>`;
  });
  return cells.length === 0 ? "" : `<div class="tiles">${cells.join("")}</div>`;
}

/** Returns a paragraph in small print. */
export function note(text: string): string {
  return `<p class="note">${escaped(text)}</p>`;
}

/** Returns a box with warnings; "" where there are none. */
export function warnings(lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `<div class="warn">${lines.map((line) => `<p>${escaped(line)}</p>`).join("")}</div>`;
}

/** Returns a table; the columns whose indices are in `numbers` are aligned to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { numbers = [], own = [], className = "" }: {
    numbers?: readonly number[];
    /** Indices of rows in bold. */
    own?: readonly number[];
    className?: string;
  } = {},
): string {
  const at = (column: number): string => numbers.includes(column) ? ' class="number"' : "";
  const cells = (tag: string, row: readonly string[]): string =>
    row.map((cell, column) => `<${tag}${at(column)}>${escaped(cell)}</${tag}>`).join("");
  const body = rows.map((row, index) =>
    `<tr${own.includes(index) ? ' class="own"' : ""}>${cells("td", row)}</tr>`
  );
  return `<div class="scroll" tabindex="0"><table class="${className}"><thead><tr>${
    cells("th", head)
  }</tr></thead>` +
    `<tbody>${body.join("")}</tbody></table></div>`;
}
