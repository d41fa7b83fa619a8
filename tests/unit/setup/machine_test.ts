import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { requireSetup } from "../../../src/setup/record.ts";
import { Checkout } from "../../support/setup_checkout.ts";

Deno.test("set-up works where modules and conda have set Python's and pip's variables", async () => {
  await using checkout = await Checkout.create();
  const wheels = await checkout.writeWheels();
  // Packages of another Python: this Python ends at its start with them.
  checkout.write("packages/encodings/__init__.py", "raise ImportError('of another Python')");
  checkout.write("constraints.txt", "torch==1.0.0\nnvidia-cuda-runtime==1.0.0\npillow==1.0.0\n");
  checkout.write("start.py", "raise SystemExit('for interactive sessions')");
  const { code, stderr } = await checkout.run([], {
    PIP_FIND_LINKS: pathToFileURL(wheels).href,
    PIP_NO_INDEX: "1",
    PIP_CONSTRAINT: checkout.path("constraints.txt"),
    PIP_TARGET: checkout.path("elsewhere"),
    PIP_PREFIX: checkout.path("elsewhere"),
    PYTHONHOME: checkout.path("conda"),
    PYTHONPATH: checkout.path("packages"),
    PYTHONSTARTUP: checkout.path("start.py"),
    CONDA_PREFIX: checkout.path("conda"),
    LD_LIBRARY_PATH: checkout.path("conda/lib"),
  });
  assert.equal(code, 0, stderr);
  const record = requireSetup(checkout.root);
  assert.equal(record.libtorchVersion, "2.11.0+cu130");
  assert.match(record.libjpeg ?? "", /pillow\.libs/);
});

Deno.test("a python3 that cannot start is named, with what it says", async () => {
  await using checkout = await Checkout.create();
  checkout.writeProgram("programs/python3", "echo 'bad interpreter' >&2; exit 1");
  const PATH = `${checkout.path("programs")}:${Deno.env.get("PATH")}`;
  const { code, stderr } = await checkout.run([], { PATH });
  assert.equal(code, 6, stderr);
  assert.match(stderr, /^Cannot install libtorch: python3 does not start \(bad interpreter\); /m);
  assert.doesNotMatch(stderr, /not installed/);
});
