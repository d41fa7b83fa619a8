/** Our decoders against Pillow: what Pillow opens is opened, with the same pixels. */

import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { coreInfo } from "../../src/native/core.ts";
import { decodeFiles } from "../../src/native/views.ts";
import { realData } from "../support/real_data.ts";
import { oracleFolder } from "../runner/oracle.ts";
import { inFolder } from "../support/in_folder.ts";
import { skip } from "../support/skip.ts";
import {
  askOracle,
  askPython,
  type OracleReport,
  requireAgreement,
  startOracle,
} from "./oracle.ts";

/** Files of a group that both programs open, both refuse, or one of them opens. */
type Group = Record<"both" | "neither" | "ours alone" | "Pillow alone", number>;

/** Photos of other programs that are compared, too, where there are any. */
const PHOTOS = 24;

startOracle();

for (const own of [false, true]) {
  const decoder = own ? "the core's own decoder" : "libjpeg-turbo, and of all other kinds,";
  const name = `pixels by ${decoder} are Pillow's over whole, odd and damaged files`;
  Deno.test(name, async () => {
    if (oracleFolder() === undefined) {
      return skip("Pillow is not installed (run: deno task test --oracle=install)", name);
    }
    if (!own && coreInfo().jpeg !== "libjpeg-turbo") {
      return skip("set-up found no libjpeg-turbo", name);
    }
    const report = await inFolder((folder) => compared(folder, own));
    requireAgreement({ name, least: own ? 200 : 1700, run: () => Promise.resolve([report]) }, [
      report,
    ]);
    const groups = report["groups"] as Record<string, Group>;
    const sum = (key: keyof Group): number =>
      Object.values(groups).reduce((sum, group) => sum + group[key], 0);
    const older = ["jpeg", "png"].flatMap((kind) =>
      Object.keys(groups).filter((name) => name.startsWith(`${kind}/`))
    );
    // Kinds of file that only libjpeg-turbo knows, and none of those that cameras write.
    equal(older.reduce((sum, name) => sum + groups[name]!["Pillow alone"], 0), own ? 9 : 0);
    ok(sum("neither") > (own ? 200 : 700));
    if (own) return;
    for (const [kind, refused] of [["tiff", 3], ["webp", 0], ["bmp", 0], ["pnm", 0]] as const) {
      const { both, neither, ...alone } = groups[`${kind}/kinds`]!;
      equal(alone["Pillow alone"], refused, kind);
      ok(both >= 45, `${both} of ${kind}`);
      ok(alone["ours alone"] <= 1 && neither < both, kind);
      const damaged = groups[`${kind}/damaged`]!;
      ok(damaged["Pillow alone"] <= 8 && damaged["ours alone"] <= 10, kind);
    }
    deepEqual(groups["png/large"], { both: 4, neither: 1, "ours alone": 0, "Pillow alone": 0 });
    deepEqual(groups["jpeg/large"], { both: 1, neither: 0, "ours alone": 0, "Pillow alone": 0 });
    // Damage that Pillow finds is found.
    equal(groups["png/damaged"]!["ours alone"], 0);
    ok(groups["jpeg/damaged"]!["ours alone"] <= 5);
  });
}

async function compared(folder: string, own: boolean): Promise<OracleReport> {
  const names = await askPython<string[]>("photos.py", ["make", folder, ...photos()]);
  const pixels = join(folder, "pixels");
  await Deno.mkdir(pixels);
  const files = names.flatMap((name, number) =>
    own && !name.startsWith("jpeg/") ? [] : [join(folder, `${number}.JPEG`)]
  );
  const decoded = decodeFiles({ files, own, folder: pixels });
  await Deno.writeTextFile(join(folder, "decoded.json"), JSON.stringify(decoded));
  return await askOracle("photos.py", ["compare", folder, pixels, ...own ? ["--own"] : []]);
}

function photos(): string[] {
  const folders = ["photos/odd", "photos/varied"].map(realData).filter((path) =>
    path !== undefined
  );
  return folders.flatMap(filesBelow).slice(0, PHOTOS);
}

function filesBelow(folder: string): string[] {
  const entries = [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(join(folder, name)) : [join(folder, name)]
  );
}

const DEEP = "the values of images of 16 bits are those that OpenCV, tifffile and Pillow wrote";
Deno.test(DEEP, async () => {
  if (oracleFolder() === undefined) {
    return skip("OpenCV is not installed (run: deno task test --oracle=install)", DEEP);
  }
  const report = await inFolder(async (folder) => {
    const names = await askPython<string[]>("photos.py", ["make_deep", folder]);
    const files = names.map((_, number) => join(folder, `${number}.JPEG`));
    const decoded = decodeFiles({ files, own: true, keepsBits: true, folder });
    await Deno.writeTextFile(join(folder, "decoded.json"), JSON.stringify(decoded));
    return await askOracle("photos.py", ["compare_deep", folder]);
  });
  requireAgreement({ name: DEEP, least: 60, run: () => Promise.resolve([report]) }, [report]);
});
