import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { describeCheckpoint } from "../../src/native/checkpoint.ts";
import { RANK_PERMISSIONS } from "../../src/base/permissions.ts";
import { byol } from "../support/byol.ts";
import { projectRoot } from "../../src/setup/record.ts";

/** Half a point: what another type of processor may make of the same weights. */
const TOLERANCE = 0.5;
const FOLDER = join(projectRoot, "checkpoints");

function rows(): { file: string; knn: number; top1: number; sha256: string }[] {
  return Deno.readTextFileSync(join(FOLDER, "README.md")).split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")))
    .map((cells) => ({
      file: cells[1] ?? "",
      knn: Number(cells[6]),
      top1: Number(cells[7]?.split(" / ")[0]),
      sha256: cells[8] ?? "",
    }));
}

Deno.test("every file in checkpoints/ has its row, and its tensors are those of the row", () => {
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => name.endsWith(".safetensors"));
  equal(files.length > 0, true);
  equal(rows().map(({ file }) => file).sort().join(), files.sort().join());
  for (const { file, sha256 } of rows()) {
    equal(describeCheckpoint(join(FOLDER, file)).sha256, sha256);
  }
});

Deno.test("info tells an encoder's size of views and its accuracy, wherever the file lies", async () => {
  const demo = rows().filter(({ file }) => file === "byol_demo_resnet20.safetensors");
  equal(demo.length, 1);
  for (const { file, knn, top1 } of demo) {
    const { stdout } = await byol("info", `--checkpoint=${join(FOLDER, file)}`);
    match(stdout, /^data \S+, views of 32 pixels/m);
    const [, ...found] = /^accuracy .*k-NN (\S+) ± .*top-1 (\S+) ±/m.exec(stdout) ?? [];
    equal(found.map(Number).join(), [knn, top1].join(), file);
  }
});

Deno.test("evaluating the demo's encoder prints its row's accuracy again", async () => {
  const row = rows().find(({ file }) => file === "byol_demo_resnet20.safetensors");
  equal(row === undefined, false);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", ...RANK_PERMISSIONS],
      ...["src/cli.ts", "eval", "--format=json", `--checkpoint=checkpoints/${row?.file}`],
    ],
    cwd: projectRoot,
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  const found = JSON.parse(new TextDecoder().decode(stdout));
  equal(Math.abs(found.knn_top1 - (row?.knn ?? NaN)) <= TOLERANCE, true, `k-NN ${found.knn_top1}`);
  equal(Math.abs(found.top1 - (row?.top1 ?? NaN)) <= TOLERANCE, true, `probe ${found.top1}`);
});
