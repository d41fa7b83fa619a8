/** The few functions of libc that Deno has no other name for. */

/** Symbols of libc, as `man 2` has them. */
const LIBC = {
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  raise: { parameters: ["i32"], result: "i32" },
} as const;
const POLLHUP = 0x10;

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
