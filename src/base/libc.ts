/** The few functions of libc that Deno has no other name for. */

/** Symbols of libc, as `man 2` has them. */
const LIBC = {
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  raise: { parameters: ["i32"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  signal: { parameters: ["i32", "usize"], result: "pointer" },
  sigaction: { parameters: ["i32", "pointer", "buffer"], result: "i32" },
} as const;
const POLLHUP = 0x10;
const SIG_IGN = 1n;
/** Size of struct sigaction, rounded up, in 64-bit words; the first one is the handler. */
const SIGACTION_WORDS = 32;

let opened: Deno.DynamicLibrary<typeof LIBC> | undefined;

/** Opens libc on first use; libtorch needs the same one. */
function libc(): Deno.DynamicLibrary<typeof LIBC>["symbols"] {
  return (opened ??= Deno.dlopen("libc.so.6", LIBC)).symbols;
}

/** Returns true where all writers of the pipe behind a file descriptor have gone; waits for nothing. */
export function hasHungUp(fileDescriptor: number): boolean {
  // struct pollfd: the descriptor, then 16 bits of asked and 16 bits of found events.
  const words = new Int32Array([fileDescriptor, 0]);
  return libc().poll(words, 1n, 0) === 1 && ((words[1] ?? 0) >> 16 & POLLHUP) !== 0;
}

/** Sends a signal, by number, to this process. */
export function raise(signal: number): void {
  libc().raise(signal);
}

/** Sends a signal, by number, to each process of this one's group: those that a terminal counts as one job. */
export function signalGroup(signal: number): void {
  libc().kill(0, signal);
}

/** Returns true where this process ignores a signal, by number, as `nohup` has it ignore SIGHUP. */
export function isIgnored(signal: number): boolean {
  const action = new BigUint64Array(SIGACTION_WORDS);
  return libc().sigaction(signal, null, action) === 0 && action[0] === SIG_IGN;
}

/** Ignores a signal, by number, in this process and in those that it starts. */
export function ignore(signal: number): void {
  libc().signal(signal, SIG_IGN);
}
