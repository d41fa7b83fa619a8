import assert from "node:assert/strict";
import { constantSchedule } from "../../../src/recipes/view_schedule.ts";
import { VIEW_RECIPES } from "../../../src/recipes/views.ts";
import { parseCommandLine } from "../../../src/options/parse.ts";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import { createRunFolder, runFolderAt } from "../../../src/run/folder.ts";
import {
  claimRunFolder,
  readRunRecord,
  requireSameInputs,
  type RunRecord,
  valuesOfOlderPreset,
  writeRunRecord,
} from "../../../src/run/record.ts";
import { inFolder } from "../../support/in_folder.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

function recordOf(...args: string[]): RunRecord {
  const environment = { variable: () => undefined, exists: () => false, cores: 2 };
  const { config, origins } = parseCommandLine("train", args, environment);
  return {
    config,
    origins,
    augmentation: constantSchedule(VIEW_RECIPES.demo),
    versions: { byol: "0.1.0", deno: Deno.version.deno, libtorch: "2.11.0", core: "abc" },
    commit: COMMIT,
    data: { digest: "00", verified: true },
    machine: "test",
    startedAt: "2026-01-01T00:00:00.000Z",
  };
}

function refused(act: () => unknown): string {
  let message = "";
  assert.throws(act, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.exitCode, ExitCode.runFolder);
    message = error.message;
    return true;
  });
  return message;
}

Deno.test("config.json gives back what was written, origins included", async () => {
  await inFolder((root) => {
    const folder = createRunFolder(root);
    assert.equal(readRunRecord(folder), null);
    const record = recordOf("--preset=cifar10_tuned", "--lr_init=0.5");
    writeRunRecord(folder, record);
    assert.deepEqual(readRunRecord(folder), record);
    const json = JSON.parse(Deno.readTextFileSync(folder.configFile));
    assert.equal(json.config.lr_init, 0.5);
    assert.equal(json.origins.lr_init, "command line");
    assert.equal(json.origins.tau_base, "preset cifar10_tuned");
    assert.equal(json.origins.seed, "default");
  });
});

Deno.test("a folder of an earlier version resumes, and still with its own options only", async () => {
  await inFolder((root) => {
    const folder = createRunFolder(root);
    const record = recordOf("--seed=1", "--preset=cifar10_tuned");
    const config: Record<string, unknown> = { ...record.config };
    const origins: Record<string, unknown> = { ...record.origins };
    for (const field of ["cudaGraph", "tf32", "ampDtype", "initFrom", "bnViews"]) {
      delete config[field];
      delete origins[field];
    }
    Deno.writeTextFileSync(folder.configFile, JSON.stringify({ ...record, config, origins }));
    const same = recordOf("--seed=1", "--preset=cifar10_tuned");
    assert.deepEqual(claimRunFolder(folder, same.config)?.config, record.config);
    assert.deepEqual(readRunRecord(folder)?.origins, record.origins);
    const other = recordOf("--seed=1", "--preset=cifar10_tuned", "--bn_views=separate");
    assert.match(
      refused(() => claimRunFolder(folder, other.config)),
      /--bn_views=joint there, separate here/,
    );
  });
});

Deno.test("a run keeps what its preset said when it began, unless the user gives another value", async () => {
  await inFolder((root) => {
    const folder = createRunFolder(root);
    const args = ["--preset=deepmind_300", "--dataset_name=cifar10", "--data_dir=x"];
    const record = recordOf(...args);
    // As an earlier version wrote it, which had no --heads and a probe of 90 epochs.
    const { heads: _heads, ...config } = { ...record.config, probeEpochs: 90 };
    const { heads: _origin, ...origins } = record.origins;
    Deno.writeTextFileSync(folder.configFile, JSON.stringify({ ...record, config, origins }));
    const previous = readRunRecord(folder)!;
    const now = recordOf(...args);
    assert.deepEqual([now.config.heads, now.config.probeEpochs], ["deepmind", 80]);
    const kept = valuesOfOlderPreset(previous, now);
    assert.deepEqual(kept, { heads: "reference", probeEpochs: 90 });
    claimRunFolder(folder, { ...now.config, ...kept });

    const given = recordOf(...args, "--heads=deepmind");
    assert.deepEqual(valuesOfOlderPreset(previous, given), { probeEpochs: 90 });
    assert.match(
      refused(() => claimRunFolder(folder, { ...given.config, probeEpochs: 90 })),
      /--heads=reference there, deepmind here/,
    );
    assert.deepEqual(valuesOfOlderPreset(previous, recordOf(...args, "--preset=deepmind_100")), {});
  });
});

Deno.test("a config.json that is none is refused", async () => {
  await inFolder((root) => {
    const folder = createRunFolder(root);
    for (const text of ["", "{", "null", "[]", '{"config":null}']) {
      Deno.writeTextFileSync(folder.configFile, text);
      assert.match(refused(() => readRunRecord(folder)), /expected the JSON record of a run/);
    }
  });
});

Deno.test("a run resumes with its own options only, but for those that change nothing learned", async () => {
  await inFolder((root) => {
    const folder = createRunFolder(root);
    const empty = claimRunFolder(folder, recordOf("--resume=never").config);
    assert.equal(empty, null);

    const record = recordOf("--seed=1");
    writeRunRecord(folder, record);
    const same = claimRunFolder(
      folder,
      recordOf("--seed=1", "--nb_workers=3", "--max_steps=5", "--threads=7").config,
    );
    assert.deepEqual(same, record);

    const message = refused(() =>
      claimRunFolder(folder, recordOf("--lr_init=0.25", "--preset=cifar10_tuned").config)
    );
    assert.match(message, /--lr_init=\S+ there, 0\.25 here/);
    assert.match(message, /--seed=1 there, 0 here/);
    assert.match(message, /--preset=\(none\) there, cifar10_tuned here/);
    assert.match(
      refused(() => claimRunFolder(folder, recordOf("--seed=1", "--resume=never").config)),
      /^Cannot start a new run in .*: it holds a run, started 2026/,
    );
  });
});

Deno.test("a run resumes with its own data and augmentations only", () => {
  const folder = runFolderAt("runs/x");
  const record = recordOf();
  requireSameInputs(folder, record, structuredClone(record));
  const otherData = { ...record, data: { digest: "11", verified: true } };
  assert.match(refused(() => requireSameInputs(folder, record, otherData)), /digest 00, .* 11,/);
  const augmentation = structuredClone(record.augmentation);
  augmentation.view2.constant.hue = 0.2;
  assert.match(
    refused(() => requireSameInputs(folder, record, { ...record, augmentation })),
    /its augmentations differ from those/,
  );
});
