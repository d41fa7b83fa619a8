/** Name, share of the peak and memory held of a GPU, for the bench of a step. */

/** A GPU that figures are given for. */
export interface Gpu {
  name: string;
  /** Dense products in bf16 at most, in TFLOP/s, from the maker's data sheet; undefined where it is not listed here. */
  teraflops: number | undefined;
}

/** Dense bf16, by a part of the name: data sheets of NVIDIA (H100 SXM and H200, A100, V100 in fp16). */
const PEAKS: readonly [RegExp, number][] = [
  [/H100 PCIe/, 756],
  [/H100|H200/, 989],
  [/A100/, 312],
  [/V100/, 125],
];

/** The first GPU, as nvidia-smi names it. */
export function gpuOfBench(): Gpu {
  const name = ask(["--query-gpu=name", "--format=csv,noheader"])[0] ?? "a GPU without a name";
  return { name, teraflops: PEAKS.find(([pattern]) => pattern.test(name))?.[1] };
}

/** Arithmetic done over the most that the GPU could do; undefined where one of them is not known. */
export function shareOfPeak(
  { teraflops }: Gpu,
  imagesPerSecond: number,
  gigaflops: number | undefined,
): number | undefined {
  if (teraflops === undefined || gigaflops === undefined) return undefined;
  return imagesPerSecond * gigaflops / (1000 * teraflops);
}

/** Memory of the device that a process holds, context and caches included; 0 where nvidia-smi does not tell. */
export function gpuMebibytes(pid: number): number {
  const rows = ask(["--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]);
  const row = rows.map((line) => line.split(",").map(Number)).find(([one]) => one === pid);
  return Number.isFinite(row?.[1]) ? row![1]! : 0;
}

/** The lines that nvidia-smi answers; none where it cannot be asked. */
function ask(args: string[]): string[] {
  try {
    const { success, stdout } = new Deno.Command("nvidia-smi", { args }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim().split("\n") : [];
  } catch {
    return [];
  }
}
