/** The section on accuracies by class. */

import { doesNotMatch, equal, match, ok } from "node:assert/strict";
import { answersOfLast, classSection } from "../../../src/report/class_section.ts";
import { readRun } from "../../../src/report/run_data.ts";
import { writeConfusion } from "../../../src/run/confusion_file.ts";
import { byol } from "../../support/byol.ts";
import { inFolder } from "../../support/in_folder.ts";
import { writeRun } from "../../support/run_files.ts";

Deno.test("the section counts every image, and names the answer that was most often wrong", () => {
  const html = classSection({
    ...{ step: 1, classes: ["cat", "n02084071", "none"] },
    confusion: [[7, 2, 1], [0, 2, 0], [0, 0, 0]],
  });
  match(
    html,
    /answers on all 12 test images: 75\.00 ± 12\.50 % are right; mean of the classes 85\.00 %/,
  );
  match(
    html,
    /<td>cat<\/td><td class="number">10<\/td><td class="number">70\.00 ± 14\.49<\/td><td>n02084071 \(2\)</,
  );
  match(html, /<td>none<\/td><td class="number">0<\/td><td class="number">–<\/td><td>–</);
  equal(html.match(/<svg /g)?.length, 1);
  doesNotMatch(html, /<details>|held-out/);
});

Deno.test("held-out images have a part of their own, and many classes no matrix", () => {
  const one = [[1, 0], [1, 2]];
  const both = classSection({ step: 1, classes: ["a", "b"], confusion: one, held_out: one });
  equal(
    both.match(/all 4 (test|held-out) images/g)?.join(),
    "all 4 test images,all 4 held-out images",
  );
  const alone = {
    step: 1,
    classes: ["a", "b"],
    confusion: one,
    held_out: one,
    tested_on: "held-out" as const,
  };
  equal(classSection(alone).match(/all 4 [a-z-]+ images/g)?.join(), "all 4 held-out images");
  const classes = Array.from({ length: 101 }, (_, at) => `class ${at}`);
  const confusion = classes.map((_, row) => classes.map((_, column) => Number(row === column)));
  const many = classSection({ step: 1, classes, confusion });
  ok(!many.includes("<svg") && many.includes("All 101 classes") && many.includes("class 100"));
});

Deno.test("answers of another evaluation than the last are not shown", async () => {
  await using run = await writeRun({ steps: 40, every: 2, totalSteps: 100, top1: 50 });
  const data = readRun(run.path);
  const { step } = data.evaluations.at(-1)!;
  for (const [at, shown] of [[step, true], [step - 1, false]] as const) {
    writeConfusion(data.folder, { step: at, classes: ["a"], confusion: [[3]] });
    equal(answersOfLast(data) !== undefined, shown);
  }
});

Deno.test("a training keeps the answers on all test images, and notes that a class has few neighbours", () =>
  inFolder(async (run) => {
    const { code, stderr } = await byol(
      ...[
        "train",
        "--hidden_dim=16",
        "--z_dim=8",
        "--batch_size=16",
        "--threads=1",
        "--limit_train=100",
      ],
      ...[
        "--clsf_augment=false",
        "--nb_epochs_clsf=1",
        "--max_steps=2",
        "--eval_at_end",
        "--hold_out=50",
      ],
      `--run_dir=${run}`,
    );
    equal(code, 0, stderr);
    const notes = stderr.match(
      /k-NN looks at 200 neighbours, and the smallest class has \d+ training images: [^\n]*/g,
    );
    equal(notes?.length, 1, stderr);
    match(notes![0], /deno task eval --protocol=knn --knn=\d+$/);
    const data = readRun(run);
    const row = data.evaluations.at(-1)!;
    ok(!("confusion" in row) && !("smallest_class" in row) && !("confusion" in row.held_out!));
    const { confusion, held_out: heldOut, step } = answersOfLast(data)!;
    equal(step, 2);
    for (const [counts, set] of [[confusion, row], [heldOut!, row.held_out!]] as const) {
      equal(counts.flat().reduce((sum, count) => sum + count, 0), set.tested);
      const right = counts.reduce((sum, one, label) => sum + one[label]!, 0);
      ok(Math.abs(100 * right / set.tested! - set.top1) < 1e-9);
    }
    const { main } = await import("../../../src/report/main.ts");
    equal(await main([`--run_dir=${run}`, "--images=40", "--threads=1"]), 0);
    const html = Deno.readTextFileSync(`${run}/report.html`);
    ok(html.includes("<h2>Accuracy by class</h2>") && !html.includes("<h2>Confusion matrix</h2>"));
  }));
