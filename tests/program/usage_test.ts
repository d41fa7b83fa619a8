import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { readMetrics } from "../../src/run/metrics_file.ts";
import { runFolderAt } from "../../src/run/folder.ts";
import { readResult } from "../../src/run/result.ts";
import { readUsage } from "../../src/run/usage.ts";
import { inFolder } from "../support/in_folder.ts";
import { byol } from "../support/byol.ts";
import { listenTo, runProgram, TINY } from "../support/program.ts";

Deno.test("hours add up over a stop and a resume; energy that nobody measures is absent", async () => {
  await inFolder(async (root) => {
    const run = join(root, "run");
    const options = [
      ...["train", ...TINY, "--threads=2", "--clsf_every=0", "--save_every=0", "--max_steps=24"],
      `--run_dir=${run}`,
    ];
    const first = listenTo(options);
    await first.said(/training \d/);
    first.kill("SIGTERM");
    const stopped = await first.ended;
    equal(stopped.code, 75, stopped.stderr);
    const folder = runFolderAt(run);
    const before = readUsage(folder)!;
    equal(before.invocations.length, 1);
    ok(before.invocations[0]!.seconds > before.invocations[0]!.last_step_seconds!);
    const resumed = await runProgram(options);
    equal(resumed.code, 0, resumed.stderr);

    const { invocations } = readUsage(folder)!;
    equal(invocations.length, 2);
    deepEqual(invocations[0], before.invocations[0]);
    const usage = readResult(folder)!.usage!;
    const seconds = invocations[0]!.seconds + invocations[1]!.seconds;
    ok(Math.abs(usage.granted_seconds - seconds) < 2, `${usage.granted_seconds} of ${seconds}`);
    equal(usage.core_seconds, 2 * usage.granted_seconds);
    deepEqual(Object.keys(usage), ["invocations", "granted_seconds", "core_seconds", "goodput"]);
    ok(usage.goodput! > 0.05 && usage.goodput! < 1, `${usage.goodput}`);
    const amounts = readMetrics(folder.metricsFile).flatMap((row) =>
      row.kind === "train" ? [row.core_seconds!] : []
    );
    equal(amounts.length, 24);
    ok(amounts.every((amount, at) => at === 0 || amount > amounts[at - 1]!), "they grow");
    ok(amounts.at(-1)! > 2 * before.invocations[0]!.seconds);

    const page = join(root, "page.html");
    equal((await byol("report", `--run_dir=${run}`, "--images=0", `--out=${page}`)).code, 0);
    const html = Deno.readTextFileSync(page);
    match(html, /Hours and energy/);
    match(html, /goodput<\/t.>.*% of .* h granted in 2 invocations/s);
    ok(!/<t.[^>]*>[^<]*(kWh|CO2e)/.test(html));
    const out = join(root, "exported");
    equal(
      (await byol("export", `--checkpoint=${run}`, "--to=safetensors", `--out=${out}`)).code,
      0,
    );
    match(
      Deno.readTextFileSync(join(out, "README.md")),
      /^Cost of the run: core-hours \S+, goodput /m,
    );
  });
});

Deno.test("plan counts normalised hours by the profile's factor, or the site's", async () => {
  const plan = async (profile: string, env: Record<string, string> = {}): Promise<string> => {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "src/cli.ts", "plan", "--preset=byol_cifar10", `--profile=${profile}`],
        ...["--images_per_second=10000"],
      ],
      env,
    }).output();
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    return text(stdout) || text(stderr);
  };
  const hours = (text: string, name: RegExp): number => Number(name.exec(text)?.[1]);
  const a100 = await plan("jeanzay-a100");
  // The numbers are rounded to a tenth.
  const share = (text: string): number =>
    hours(text, /^normalised +(\S+) hours$/m) / hours(text, /^GPU-hours +(\S+)$/m);
  equal(share(a100).toFixed(1), "2.0", a100);
  ok(!/^normalised|^energy|^carbon/m.test(await plan("jeanzay-h100")));
  const given = await plan("jeanzay-h100", { BYOL_HOURS_FACTOR: "4", BYOL_GRAMS_PER_KWH: "50" });
  equal(share(given).toFixed(1), "4.0", given);
  ok(!/^energy|^carbon/m.test(given), "no power was measured");
});
