/** Types of the core's functions, derived from the generated table. */

import type { Results, SYMBOLS } from "./symbols.gen.ts";

/** The core's functions as Deno opens them: the last argument is the error buffer. */
export type CoreSymbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The name of a function of the core. */
export type SymbolName = keyof typeof SYMBOLS;

/** JavaScript's type of each type in the table. */
interface Values {
  u32: number;
  u64: bigint;
  f64: number;
  buffer: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
}

type Types<Name extends SymbolName> = (typeof SYMBOLS)[Name]["parameters"];
type AllButLast<List> = List extends readonly [...infer Head, unknown] ? Head : never;
type ValuesOf<List> = {
  [Index in keyof List]: List[Index] extends keyof Values ? Values[List[Index]] : never;
};

/** The arguments of a function, without the error buffer. */
export type Arguments<Name extends SymbolName> = ValuesOf<AllButLast<Types<Name>>>;

/** The arguments of a function, without the result's buffer and the error buffer. */
export type ArgumentsBeforeResult<Name extends SymbolName> = ValuesOf<
  AllButLast<AllButLast<Types<Name>>>
>;

/** The functions without a result. */
export type SymbolWithoutResult = Exclude<SymbolName, keyof Results>;

/** The functions with a result of some kinds. */
export type SymbolWith<Kind extends Results[keyof Results]> = {
  [Name in keyof Results]: Results[Name] extends Kind ? Name : never;
}[keyof Results];

/** The core's functions with the error buffer bound; each returns a status. */
export type BoundSymbols = { [Name in SymbolName]: (...values: Arguments<Name>) => number };

/** Functions that bind the error buffer, one for each function of the core. */
export type Binders = {
  [Name in SymbolName]: (
    core: CoreSymbols,
    error: Uint8Array<ArrayBuffer>,
  ) => BoundSymbols[Name];
};
