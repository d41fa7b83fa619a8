/**
 * Permissions of each program of the project, as options of `deno run`: once, for deno.json's tasks, for the ranks that
 * `--ranks` starts, and for tests and scripts.
 *
 * @module
 */

/** Reading, writing, environment and system information, without prompts. */
const FILES = ["--no-prompt", "-RWES"] as const;
const FFI = "--allow-ffi";
const RUN = "--allow-run";
/** The archive of CIFAR-10. */
const DOWNLOADS = "www.cs.toronto.edu:443";
const SETUP = [
  "--no-prompt",
  "-R",
  "-W=.byol",
  RUN,
  "-E=LIBTORCH,CXX,CUDA_HOME",
  "-S=hostname",
] as const;

/** Permissions of a rank of a Slurm job, and of the program without downloads. */
export const RANK_PERMISSIONS: readonly string[] = [...FILES, FFI];

/** Permissions of the program in a container (slurm/byol.def): without downloads, but `--ranks` may start ranks. */
export const CONTAINER_PERMISSIONS: readonly string[] = [
  ...RANK_PERMISSIONS,
  RUN,
  "-N=127.0.0.1",
];

/** Permissions of a process that opens the core and ends (src/native/check_core.ts). */
export const OPENING_PERMISSIONS: readonly string[] = ["--no-prompt", "-RE", FFI];

/** Permissions of a rank that `--ranks` starts. */
export const LOCAL_RANK_PERMISSIONS: readonly string[] = [...RANK_PERMISSIONS, `-N=${DOWNLOADS}`];

/** The port of `serve`. */
export const SERVE_PORT = 8474;

/**
 * The tasks of deno.json that run one program. Those that set up may run programs (pip, cargo, g++); `dropSetUp()` takes
 * that back afterwards from commands that need it no longer.
 */
export const TASK_PERMISSIONS = {
  setup: SETUP,
  train: [...RANK_PERMISSIONS, RUN, `-N=${DOWNLOADS},127.0.0.1`],
  eval: [...RANK_PERMISSIONS, RUN, `-N=${DOWNLOADS},127.0.0.1`],
  embed: [...RANK_PERMISSIONS, RUN, `-N=${DOWNLOADS}`],
  export: [...RANK_PERMISSIONS, RUN],
  views: [...RANK_PERMISSIONS, RUN, `-N=${DOWNLOADS}`],
  pack: ["--no-prompt", "-RES", "-W=.byol", FFI, RUN],
  info: ["--no-prompt", "-RES", FFI],
  metrics: ["--no-prompt", "-RWE"],
  report: [...RANK_PERMISSIONS, RUN],
  compare: ["--no-prompt", "-RE"],
  replay: [...RANK_PERMISSIONS, RUN, `-N=${DOWNLOADS},127.0.0.1`],
  watch: ["--no-prompt", "-RE", "-S=hostname"],
  serve: ["--no-prompt", "-R=runs,src", "-E=NODE_ENV", `-N=127.0.0.1:${SERVE_PORT}`],
  submit: [...RANK_PERMISSIONS, "--allow-run=bash,sbatch"],
  plan: [...FILES, RUN],
  doctor: [...RANK_PERMISSIONS, RUN],
  gen: ["--no-prompt", "-R", "-W=src/native", FFI],
  docs: ["--no-prompt", "-R", "-W=docs"],
} as const satisfies Record<string, readonly string[]>;

/** Permissions that only set-up needs, by command. */
const SET_UP_ONLY: Readonly<Record<string, readonly Deno.PermissionDescriptor[]>> = {
  embed: [{ name: "run" }],
  export: [{ name: "run" }],
  views: [{ name: "run" }],
  pack: [{ name: "run" }, { name: "write", path: ".byol" }],
};

/** Gives up the permissions that a command needs only for set-up. */
export async function dropSetUp(command: string): Promise<void> {
  for (const permission of SET_UP_ONLY[command] ?? []) await Deno.permissions.revoke(permission);
}
