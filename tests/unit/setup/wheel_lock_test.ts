import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { UserError } from "../../../src/base/exit_codes.ts";
import { HEADERS } from "../../../src/setup/gpu_library.ts";
import { CPU_SET, CUDA_SET } from "../../../src/setup/install.ts";
import { LIBJPEG_WHEEL } from "../../../src/setup/libjpeg.ts";
import { installPackages } from "../../../src/setup/packages.ts";
import { readSetup } from "../../../src/setup/record.ts";
import { lockedLines, requirementOf } from "../../../src/setup/wheel_lock.ts";
import { inFolder } from "../../support/in_folder.ts";
import { Checkout } from "../../support/setup_checkout.ts";

Deno.test("the lock file pins what set-up fetches, each wheel with its hashes", () => {
  const wanted = [...CPU_SET, ...CUDA_SET, ...Object.values(HEADERS), LIBJPEG_WHEEL];
  assert.equal(lockedLines(wanted).length, wanted.length);
  assert.deepEqual(new Set(lockedLines().map(requirementOf)), new Set(wanted));
  const [torch = ""] = lockedLines(CPU_SET.slice(0, 1));
  // Of Python 3.10 to 3.14, and of two versions without a global lock.
  assert.equal(torch.match(/--hash=/g)?.length, 7);
  assert.throws(
    () => lockedLines(["torch==2.10.0"]),
    (error) =>
      error instanceof UserError &&
      /Cannot install torch==2\.10\.0: it is not in /.test(error.message),
  );
});

Deno.test("a line without hashes is refused", async () => {
  await inFolder((folder) => {
    const file = join(folder, "wheels.lock");
    for (const line of ["torch==2.11.0", "torch --hash=sha256:00", "--index-url=http://other"]) {
      Deno.writeTextFileSync(file, `${line}\n`);
      assert.throws(() => lockedLines(undefined, file), /expected a pinned requirement and its/);
    }
  });
});

Deno.test("a wheel of other bytes is refused, and so is one that another asks for", async () => {
  await using checkout = await Checkout.create();
  const wheels = await checkout.writeWheels();
  const wheel = join(wheels, "torch-2.11.0-py3-none-any.whl");
  const genuine = Deno.readFileSync(wheel);
  const pip = {
    PIP_FIND_LINKS: pathToFileURL(wheels).href,
    PIP_NO_INDEX: "1",
    ...checkout.withoutTorch(),
  };
  // A wheel stays a wheel with a byte more in its comment.
  const other = new Uint8Array([...genuine, 0x20]);
  other[genuine.length - 2] = 1;
  for (const old of [false, true]) {
    Deno.writeFileSync(wheel, other);
    if (old) checkout.writeProgram("programs/python3", OLD_PYTHON);
    const PATH = `${checkout.path("programs")}:${Deno.env.get("PATH")}`;
    const { code, stderr } = await checkout.run([], { ...pip, PATH });
    assert.equal(code, 6, stderr);
    assert.match(stderr, /Cannot (install|fetch) torch==2\.11\.0 .*with pip: status 1, expected 0/);
    assert.match(stderr, /DO NOT MATCH THE HASHES|HASH/i);
    assert.equal(readSetup(checkout.root), undefined);
    assert.deepEqual([...Deno.readDirSync(checkout.path(".byol/libtorch"))], []);
  }
});

/** A python3 that calls itself too old for torch's wheels: they are then downloaded and unpacked. */
const OLD_PYTHON = `case "$*" in
  *find_spec*) echo '{"version":[3,8],"pip":true,"torch":null,"nvidia":false}' ;;
  *) PATH=\${PATH#*:} exec python3 "$@" ;;
esac`;

Deno.test("a package that deno.lock does not hold is not installed, nor added to it", async () => {
  await inFolder(async (root) => {
    const lock = JSON.stringify({ version: "5" });
    Deno.writeTextFileSync(join(root, "deno.lock"), lock);
    const imports = { fflate: "npm:fflate@0.8.3" };
    Deno.writeTextFileSync(
      join(root, "deno.json"),
      JSON.stringify({ nodeModulesDir: "manual", imports }),
    );
    const said: string[] = [];
    const session = {
      log: (line: string) => void said.push(line),
      quiet: true,
      signal: new AbortController().signal,
    };
    assert.equal(await installPackages(root, { offline: false, session }), "missing");
    assert.match(said.join("\n"), /Cannot install the npm packages: status 1, expected 0/);
    assert.equal(Deno.readTextFileSync(join(root, "deno.lock")), lock);
  });
});
