/** The live page: table of all runs, controls, and room for the curves of chosen runs. */

import { escaped, htmlOf } from "../page.ts";
import { chosenSections } from "./chosen.ts";
import type { LiveRun } from "./live_run.ts";
import type { LiveRuns } from "./live_runs.ts";
import { runTable, shownName } from "./rows.ts";

const STYLE = `
main { max-width: 1400px; }
.controls { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; margin: 14px 0 10px; }
.controls input[type=search] { flex: 1 1 220px; max-width: 420px; min-width: 0; }
input, select, button { font: inherit; color: var(--text); background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; padding: 4px 10px; } input[type=checkbox] { width: 16px; height: 16px; accent-color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
button { cursor: pointer; } .sort { border: 0; padding: 0; background: none; color: inherit; font-weight: 600; text-align: inherit; }
th[aria-sort=ascending] .sort::after { content: " ▲"; } th[aria-sort=descending] .sort::after { content: " ▼"; }
#runs td:first-child:not(:last-child) { min-width: 0; } #runs td small { display: block; color: var(--muted); font-size: 12px; }
#runs td, #runs th { padding: 6px 9px; } #runs th { white-space: nowrap; }
.star { border: 0; background: none; padding: 0 4px; font-size: 17px; line-height: 1.2; color: var(--muted); }
.star[aria-pressed=true] { color: var(--accent); }
.name { overflow-wrap: anywhere; min-width: 150px; } .alarms { color: var(--warn); font-size: 13px; }
.alarms > summary { margin: 2px 0; color: var(--warn); } .alarms ul { margin: 2px 0 4px; padding-left: 18px; }
.state { font-weight: 600; } .running { color: var(--accent); } .stalled, .collapsed, .interrupted { color: var(--warn); }
.steps { min-width: 110px; } progress { width: 100%; height: 8px; accent-color: var(--accent); display: block; margin-top: 7px; }
#groups td:last-child { min-width: 200px; } #groups td:first-child { min-width: 0; }
#lost[hidden] { display: none; }
#chosen .card svg circle:hover { fill: var(--accent); fill-opacity: .45; }
@media (max-width: 700px) { #runs thead { display: block; }
  #runs thead tr { display: flex; flex-wrap: wrap; gap: 2px 6px; border-bottom: 1px solid var(--line); padding: 4px; }
  #runs th { border: 0; padding: 4px; } #runs th:not([data-key]) { display: none; }
  #runs tbody tr { display: grid; grid-template-columns: 36px 32px 1fr auto; border-bottom: 1px solid var(--line); padding: 6px 2px; }
  #runs tbody tr[hidden] { display: none; } #runs td { border: 0; padding: 3px 5px; min-width: 0; text-align: left; white-space: normal; }
  #runs td:nth-child(5) { grid-column: 1 / 4; } #runs td:nth-child(6)::before { content: "left "; color: var(--muted); }
  #runs td:nth-child(7) { grid-column: 1 / 4; } #runs td:nth-child(7)::before { content: "linear "; color: var(--muted); }
  #runs td:nth-child(8)::before { content: "k-NN "; color: var(--muted); } #runs td:nth-child(7) small, #runs td:nth-child(8) small,
  #runs td:nth-child(9) { display: none; } #runs td:nth-child(10) { grid-column: 1 / 5; font-size: 12px; color: var(--muted); } }
`;

const STATES = ["running", "finished", "interrupted", "stalled", "collapsed"];

/** Percent of a curve to either side of which a mean is taken, by name. */
const SMOOTHINGS: readonly (readonly [percent: number, name: string])[] = [
  [0, "none"],
  [2, "little"],
  [5, "usual"],
  [15, "much"],
];

/**
 * Returns the page as HTML, with the table of this moment.
 *
 * @param options.chosen the runs whose curves the page opens with
 */
export function livePage(
  runs: LiveRuns,
  { folder, chosen, smoothing = 0.05 }: {
    folder: string;
    chosen: readonly LiveRun[];
    smoothing?: number;
  },
): string {
  const { summary, groups, version } = runs.changesAfter(runs.version);
  const states = STATES.map((state) => `<option>${state}</option>`).join("");
  const smoothings = SMOOTHINGS.map(([percent, name]) =>
    `<option value="${percent}"${
      percent === Math.round(100 * smoothing) ? " selected" : ""
    }>${name}</option>`
  ).join("");
  const controls = `<div class="controls">
<input type="search" id="filter" placeholder="Filter by name, group or seed" aria-label="Filter by name, group or seed">
<label>State <select id="state"><option value="">all</option>${states}</select></label>
<label><input type="checkbox" id="starred"> starred only</label>
<label>Smoothing <select id="smooth">${smoothings}</select></label>
<button id="choose">Curves of the first 8 shown</button> <button id="clear">No curves</button>
</div>`;
  return htmlOf({
    title: "Runs",
    subtitle: `${escaped(shownName(folder))} · <span id="summary" role="status">${summary}</span>`,
    sections: [
      `<p class="warn" id="lost" role="alert" hidden>No answer from the server: the page shows the last state. ` +
      `If it has ended, start deno task serve again and open the new address.</p>`,
      controls,
      `<div id="table" data-version="${version}">${runTable(runs.tableRows())}</div>`,
      `<p class="note" id="none" hidden>No run is shown: none lies below the folder, or the filter excludes all.</p>`,
      `<div id="groups">${groups}</div>`,
      `<div id="chosen" data-runs="${chosen.map(({ id }) => id).join()}">${
        chosenSections(chosen, { smoothing, groups: runs.groupsOf(chosen) })
      }</div>`,
    ],
    live: { script: "client.js", style: STYLE },
  });
}
