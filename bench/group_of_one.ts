/** A process group of one rank, for benches of what a group costs. */

import { openNccl } from "../src/native/cuda.ts";
import { ProcessGroup } from "../src/native/process_group.ts";

const TIMEOUT_MILLISECONDS = 100_000;

/** Opens a real group whose only rank is this process: over NCCL on a GPU, over Gloo on the processor. */
export function groupOfOne(hardware: string): ProcessGroup {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const group = ProcessGroup.connect({
    rank: 0,
    worldSize: 1,
    host: "127.0.0.1",
    port,
    connectMilliseconds: 5000,
    beatMilliseconds: 250,
    answerMilliseconds: 5000,
  });
  group.openGroup({
    interface: "",
    address: "127.0.0.1",
    timeoutMilliseconds: TIMEOUT_MILLISECONDS,
    nccl: hardware === "cpu" ? null : openNccl(),
  });
  return group;
}
