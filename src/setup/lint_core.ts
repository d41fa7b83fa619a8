/** Formatting and clippy for the core, with the environment its build has (so that torch-sys is not built again). */

import { cargoEnvironment, cargoWords, manifestOf } from "./core.ts";
import { projectRoot, requireSetup } from "./record.ts";
import { exclusively } from "./session.ts";

async function run(words: string[], env: Record<string, string>): Promise<void> {
  const [program = "", ...args] = words;
  const { code } = await new Deno.Command(program, { args, env, cwd: projectRoot }).spawn().status;
  if (code !== 0) Deno.exit(code);
}

if (import.meta.main) {
  const { libtorch } = requireSetup();
  const environment = await exclusively(
    { root: projectRoot, quiet: true },
    (session) => cargoEnvironment({ root: projectRoot, libtorch }, session),
  );
  await run(["cargo", "fmt", `--manifest-path=${manifestOf(projectRoot)}`, "--check"], {});
  const clippy = [...cargoWords(projectRoot, "clippy"), "--all-targets", "--", "-D", "warnings"];
  await run(clippy, environment);
}
