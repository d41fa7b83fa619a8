/** Opens the GPUs' side of the ranks as a single process, for a test that runs this file in a process of its own. */

import { openCuda } from "../../src/native/cuda.ts";
import { ProcessGroup } from "../../src/native/process_group.ts";
import { freePort } from "./ranks_run.ts";

const [library = ""] = Deno.args;
openCuda({ device: 0, architecture: "sm_90" });
console.log("libtorch_cuda is loaded");
using group = ProcessGroup.connect({
  rank: 0,
  worldSize: 1,
  host: "127.0.0.1",
  port: freePort(),
  connectMilliseconds: 10_000,
  beatMilliseconds: 1000,
  answerMilliseconds: 10_000,
});
group.openGroup({
  interface: "",
  address: "127.0.0.1",
  timeoutMilliseconds: 10_000,
  nccl: library,
});
console.log("NCCL is attached");
