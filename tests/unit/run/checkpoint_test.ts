import { deepEqual, equal, match, notEqual, rejects, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import {
  checkpointPath,
  listCheckpoints,
  namedCheckpoint,
  newestCheckpoint,
} from "../../../src/run/checkpoint.ts";
import {
  CheckpointWriter,
  keptForGood,
  type SavePolicy,
} from "../../../src/run/checkpoint_writer.ts";
import { fingerprintsOf, resumedFingerprints } from "../../../src/runtime/fingerprint.ts";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";
import { Learner } from "../../../src/native/learner.ts";
import { describeCheckpoint } from "../../../src/native/checkpoint.ts";
import { liveHandles } from "../../../src/native/core.ts";
import { NETWORK } from "../../support/small_network.ts";

const NEVER: SavePolicy = {
  keepEverySteps: 0,
  saveEverySteps: 0,
  saveEveryMinutes: 0,
  onSaveError: "stop",
};

function tinyLearner(seed = 1): Learner {
  return Learner.create({ ...NETWORK, seed });
}

/** A writer of a tiny learner's states into a folder, and what it warned of. */
async function withWriter(
  policy: Partial<SavePolicy>,
  act: (writer: CheckpointWriter, folder: string, warnings: string[]) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    using learner = tinyLearner();
    const warnings: string[] = [];
    await using writer = new CheckpointWriter({
      folder,
      learner,
      metadataAt: (step) => ({ step, epoch: 0, config: {} }),
      syncFirst: [],
      savedStep: undefined,
      warn: (line) => warnings.push(line),
    }, { ...NEVER, ...policy });
    await act(writer, folder, warnings);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  equal(liveHandles(), 0);
}

function stepsIn(folder: string): number[] {
  return listCheckpoints(folder).map(({ step }) => step).reverse();
}

/** Turns one bit over. */
function flip(path: string, bit: number): void {
  const bytes = Deno.readFileSync(path);
  bytes[bit >> 3]! ^= 1 << (bit & 7);
  Deno.writeFileSync(path, bytes);
}

Deno.test("a checkpoint holds the SHA-256 of all its bytes, with zeros where that stands", async () => {
  await withWriter({}, async (writer, folder) => {
    await writer.finish(3);
    const path = checkpointPath(folder, 3);
    const bytes = Deno.readFileSync(path);
    const headerEnd = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = new TextDecoder().decode(bytes.subarray(8, headerEnd));
    const told = JSON.parse(header).__metadata__.file_sha256;
    const place = 8 + header.indexOf(`"file_sha256":"${told}"`) + '"file_sha256":"'.length;
    bytes.fill("0".charCodeAt(0), place, place + 64);
    equal(createHash("sha256").update(bytes).digest("hex"), told);
    const { whole, metadata } = describeCheckpoint(path);
    equal(whole, true);
    deepEqual(metadata, { step: 3, epoch: 0, config: {} });
  });
});

Deno.test("a checkpoint with any bit turned over, or cut at any place, is not resumed from", async () => {
  await withWriter({}, async (writer, folder) => {
    await writer.finish(3);
    const path = checkpointPath(folder, 3);
    const good = Deno.readFileSync(path);
    const refused = (what: string): void => {
      const warnings: string[] = [];
      throws(() => newestCheckpoint(folder, (line) => warnings.push(line)), (error) => {
        equal((error as UserError).exitCode, ExitCode.checkpoint, String(error));
        return true;
      }, what);
      match(warnings.join(), /step-000000003.*; trying the one before/, what);
    };
    const headerBits = 8 * (8 + Number(new DataView(good.buffer).getBigUint64(0, true)));
    for (let index = 0; index < 300; index++) {
      const within = index % 2 === 0 ? headerBits : 8 * good.length;
      const bit = Math.floor(Math.random() * within);
      flip(path, bit);
      refused(`bit ${bit}`);
      Deno.writeFileSync(path, good);
    }
    for (let index = 0; index < 50; index++) {
      const length = Math.floor(Math.random() * (index % 2 === 0 ? good.length : headerBits / 8));
      Deno.writeFileSync(path, good.subarray(0, length));
      refused(`cut to ${length} bytes`);
    }
    Deno.writeFileSync(path, good);
    equal(newestCheckpoint(folder, () => {})?.metadata.step, 3);
  });
});

Deno.test("the newest whole checkpoint is used: damaged and misnamed ones are said and skipped", async () => {
  await withWriter({ saveEverySteps: 1 }, async (writer, folder) => {
    await writer.finish(1);
    await writer.finish(2);
    Deno.copyFileSync(checkpointPath(folder, 1), checkpointPath(folder, 7));
    Deno.truncateSync(checkpointPath(folder, 2), 1000);
    const warnings: string[] = [];
    const found = newestCheckpoint(folder, (line) => warnings.push(line));
    equal(found?.path, checkpointPath(folder, 1));
    equal(warnings.length, 2);
    match(
      warnings[0]!,
      /step-000000007\.safetensors: it holds step 1, expected 7; trying the one before/,
    );
    match(warnings[1]!, /step-000000002\.safetensors: it is damaged.*; trying the one before/);
  });
});

Deno.test("an earlier checkpoint can be named only where no later ones would win over it", async () => {
  await withWriter({}, async (writer, folder) => {
    await writer.finish(1);
    await writer.finish(2);
    throws(() => namedCheckpoint(checkpointPath(folder, 1), folder), (error) => {
      equal((error as UserError).exitCode, ExitCode.runFolder);
      match((error as Error).message, /holds 1 later checkpoints, up to step 2/);
      return true;
    });
    Deno.removeSync(checkpointPath(folder, 2));
    equal(namedCheckpoint(checkpointPath(folder, 1), folder).metadata.step, 1);
  });
});

Deno.test("a file of an encoder is refused as that, and the refusal names --init_from", async () => {
  await withWriter({}, async (writer, folder) => {
    const path = join(folder, "encoder.safetensors");
    using learner = tinyLearner();
    for (const metadata of [{ step: 1, epoch: 0, config: {} }, {}]) {
      learner.saveEncoder(path, metadata);
      throws(() => namedCheckpoint(path, folder), (error) => {
        equal(error instanceof UserError && error.exitCode, ExitCode.checkpoint);
        match((error as Error).message, /holds an encoder.*expected a training state/);
        match((error as Error).message, new RegExp(`--init_from=${path}$`));
        return true;
      });
    }
    await writer.finish(1);
    equal(namedCheckpoint(checkpointPath(folder, 1), folder).metadata.step, 1);
  });
});

Deno.test("the two newest whole checkpoints stay, and every so many steps one for good", async () => {
  await withWriter({ saveEverySteps: 2, keepEverySteps: 6 }, async (writer, folder, warnings) => {
    const save = async (step: number): Promise<void> => {
      writer.stepDone(step);
      await writer.finish(step);
    };
    for (const step of [2, 4, 6, 8, 10]) await save(step);
    deepEqual(stepsIn(folder), [6, 8, 10]);
    // Damaged ones do not count as kept.
    flip(checkpointPath(folder, 10), 8_000_001);
    Deno.truncateSync(checkpointPath(folder, 8), 5000);
    await save(11);
    deepEqual(stepsIn(folder), [6, 8, 10, 11]);
    deepEqual(warnings.map((line) => /step-0*(\d+)/.exec(line)?.[1]), ["10", "8"]);
    match(warnings[0]!, /SHA-256.*an older checkpoint is kept/);
    await save(12);
    deepEqual(stepsIn(folder), [6, 11, 12]);
    await save(13);
    deepEqual(stepsIn(folder), [6, 12, 13]);
    await save(14);
    await save(15);
    deepEqual(stepsIn(folder), [6, 12, 14, 15]);
  });
  deepEqual([...keptForGood([1, 99, 101, 105, 200, 350, 399], 100)], [101, 200, 350]);
  deepEqual([...keptForGood([1, 2], 0)], []);
});

Deno.test("saves are due by steps, by epochs and by the clock, one at a time", async () => {
  await withWriter({ saveEverySteps: 3 }, async (writer, folder) => {
    writer.stepDone(2);
    writer.stepDone(3);
    // Under way: what is due now is saved at a later step, from the state of then.
    writer.stepDone(6);
    await writer.settled();
    deepEqual(stepsIn(folder), [3]);
    writer.stepDone(7);
    await writer.finish(7);
    deepEqual(stepsIn(folder), [3, 7]);
  });
  await withWriter({ saveEveryMinutes: 0.2 / 60 }, async (writer, folder) => {
    writer.stepDone(1);
    deepEqual(stepsIn(folder), []);
    await new Promise((done) => setTimeout(done, 250));
    writer.stepDone(2);
    await writer.settled();
    await writer.finish(2);
    deepEqual(stepsIn(folder), [2]);
  });
});

Deno.test("what is saved is the state of its step, however far the training is when it is written", async () => {
  const folder = await Deno.makeTempDir();
  using learner = tinyLearner(1);
  using other = tinyLearner(2);
  const [here, there] = [join(folder, "here"), join(folder, "there")];
  learner.save(here, {});
  {
    using job = learner.beginSave(there, { metadata: {}, syncFirst: [] });
    other.save(join(folder, "other"), {});
    learner.load(join(folder, "other"));
    await job.done();
  }
  equal(describeCheckpoint(there).sha256, describeCheckpoint(here).sha256);
  learner.save(here, {});
  notEqual(describeCheckpoint(there).sha256, describeCheckpoint(here).sha256);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a save that fails stops the run, or is a warning until the last one", async () => {
  await withWriter({ saveEverySteps: 1 }, async (writer, folder) => {
    await Deno.mkdir(join(checkpointPath(folder, 2), "in the way"), { recursive: true });
    await writer.finish(1);
    writer.stepDone(2);
    await writer.settled();
    throws(() => writer.stepDone(3), (error) => {
      equal((error as UserError).exitCode, ExitCode.save);
      match(
        (error as Error).message,
        /^Cannot write \S+step-000000002\.safetensors \(\d+ bytes\): .*; the file system has \d+ bytes free$/,
      );
      return true;
    });
  });
  await withWriter(
    { saveEverySteps: 1, onSaveError: "continue" },
    async (writer, folder, warnings) => {
      await Deno.mkdir(join(checkpointPath(folder, 2), "in the way"), { recursive: true });
      writer.stepDone(2);
      await writer.settled();
      await writer.finish(3);
      equal(warnings.length, 2);
      match(warnings[0]!, /the run continues without/);
      // What is in the way has the name of a checkpoint.
      match(warnings[1]!, /step-000000002.*an older checkpoint is kept/);
      await rejects(writer.finish(2), (error) => (error as UserError).exitCode === ExitCode.save);
      equal([...Deno.readDirSync(folder)].some(({ name }) => name.endsWith(".part")), false);
      equal(basename(newestCheckpoint(folder, () => {})?.path ?? ""), "step-000000003.safetensors");
    },
  );
});

Deno.test("a run that was computed by more than one computer says that it is not exact", () => {
  const here = { processor: "A", threads: 2, libtorch: "2.11.0" };
  deepEqual(resumedFingerprints([], here), { computers: [here] });
  deepEqual(resumedFingerprints([here], { ...here }), { computers: [here] });
  const { computers, note } = resumedFingerprints([here], { ...here, threads: 1 });
  equal(computers.length, 2);
  match(note ?? "", /computed with --threads=2 on A, .* resumes with --threads=1 on A.*not exact/);
  match(resumedFingerprints([here], { ...here, processor: "B" }).note ?? "", /on A, .* on B/);
  // Back on the first one, it stays what it is.
  match(resumedFingerprints(computers, here).note ?? "", /not exact/);
  deepEqual(fingerprintsOf(undefined), []);
});
