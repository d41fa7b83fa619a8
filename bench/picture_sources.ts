/** The pictures of docs/pictures/, and hashes of what each is made from. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { projectRoot } from "../src/setup/record.ts";

/** Folder of the pictures. */
export const FOLDER: string = join(projectRoot, "docs", "pictures");
/** Largest size of a picture, in bytes. */
export const LARGEST = 200_000;

const RUN = ["docs/pictures/demo/config.json", "docs/pictures/demo/metrics.jsonl"];
const PAGE = ["src/report/page.ts", "src/report/charts.ts", ...RUN];
const TOP = [
  ...["src/report/story.ts", "src/report/evaluation_section.ts", "src/report/curves_section.ts"],
  ...PAGE,
];

const LOOK = [
  ...["src/report/encoder_section.ts", "src/report/encoder_look.ts", "src/report/image_sample.ts"],
  ...["checkpoints/byol_demo_resnet20.safetensors", "src/report/page.ts", "src/report/charts.ts"],
];

/** The files that each picture is made from. */
export const PICTURES: Readonly<{ [name: string]: readonly string[] }> = {
  "report-light.png": TOP,
  "report-dark.png": TOP,
  "report-phone-light.png": TOP,
  "report-phone-dark.png": TOP,
  "report-map.png": [...LOOK, "src/report/map.ts"],
  "report-neighbours.png": LOOK,
  "report-matrix.png": [...LOOK, "src/report/probe_look.ts"],
  "serve.png": [
    ...["src/report/serve/live_page.ts", "src/report/serve/rows.ts", "src/report/serve/chosen.ts"],
    ...["src/report/curves_section.ts", ...PAGE],
  ],
  "hours.png": ["src/report/cost_section.ts", "src/run/usage.ts", "src/report/page.ts"],
  "replay.png": [
    ...["native/src/data/sheet.rs", "src/commands/replay/sheet.ts", "src/recipes/preset_views.ts"],
  ],
  "watch.png": ["src/report/watch_frame.ts", ...RUN],
  "views.png": ["native/src/data/sheet.rs", "src/run/view_sheet.ts", "src/recipes/preset_views.ts"],
};

/** SHA-256 of each picture and of the files that it was made from. */
export interface Record {
  [name: string]: { sha256: string; sources: string };
}

/** Returns the SHA-256 of a picture, and one over the files that it is made from. */
export function sourcesOf(name: string): Record[string] {
  const sources = createHash("sha256");
  for (const path of PICTURES[name] ?? []) {
    sources.update(`${path}\n`).update(Deno.readFileSync(join(projectRoot, path)));
  }
  return {
    sha256: sha256Of(Deno.readFileSync(join(FOLDER, name))),
    sources: sources.digest("hex"),
  };
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
