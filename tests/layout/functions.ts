/** Lengths of functions, read from tokens. */

import { bracketPairs, rustTokens, type Token, typescriptTokens } from "./tokens.ts";

/** A function with a body. */
export interface Length {
  path: string;
  name: string;
  /** First line of the file that belongs to it, from 1. */
  line: number;
  /** From the name's line to the closing brace's, both included. */
  lines: number;
}

/** Words before `(…) {` that start a statement, not a function. */
const STATEMENTS = new Set(["if", "for", "while", "switch", "catch", "with", "await", "return"]);

/** Returns every function of a TypeScript file that has a body in braces: declarations, methods and arrows. */
export function typescriptFunctions(path: string, source: string): Length[] {
  const tokens = typescriptTokens(source).filter(({ kind }) => kind !== "comment");
  const pairs = bracketPairs(tokens);
  return tokens.flatMap(({ kind, text }, index) => {
    const closing = pairs.get(index);
    if (kind !== "mark" || text !== "(" || closing === undefined) return [];
    const arrow = bodyAfter(tokens, closing + 1, pairs);
    if (arrow === undefined) return [];
    const name = arrow.isArrow ? arrowName(tokens, index) : methodName(tokens, index);
    const end = pairs.get(arrow.body);
    if (name === undefined || end === undefined) return [];
    const line = tokens[index]!.line;
    return [{ path, name, line, lines: tokens[end]!.line - line + 1 }];
  });
}

/** Returns the opening brace of the body of a function whose parameters end before `at`; undefined where none does. */
function bodyAfter(
  tokens: readonly Token[],
  at: number,
  pairs: Map<number, number>,
): { body: number; isArrow: boolean } | undefined {
  let next = at;
  if (tokens[next]?.text === ":") next = typeEnd(tokens, next + 1, pairs);
  const isArrow = tokens[next]?.text === "=>";
  if (isArrow) next++;
  return tokens[next]?.text === "{" ? { body: next, isArrow } : undefined;
}

/** Words of a type that another word of the same type follows. */
const TYPE_WORDS = /^(?:keyof|typeof|readonly|unique|infer|asserts|is|extends)$/;

/** Returns the index after a type that starts at `at`. */
function typeEnd(tokens: readonly Token[], at: number, pairs: Map<number, number>): number {
  let wanted = true;
  let afterParentheses = false;
  for (let index = at; index < tokens.length; index++) {
    const { kind, text } = tokens[index]!;
    const wasParentheses = afterParentheses;
    afterParentheses = false;
    if (kind === "mark" && "|&.".includes(text)) wanted = true;
    else if (text === "<") index = angleEnd(tokens, index);
    else if (text === "[" || (wanted && (text === "(" || text === "{"))) {
      afterParentheses = text === "(";
      wanted = false;
      index = pairs.get(index) ?? tokens.length;
    } else if (text === "=>" && wasParentheses) wanted = true;
    else if (kind === "word" && TYPE_WORDS.test(text)) wanted = true;
    else if (wanted && ["word", "string", "number"].includes(kind)) wanted = false;
    else return index;
  }
  return tokens.length;
}

/** Returns the index of the `>` that closes type arguments. */
function angleEnd(tokens: readonly Token[], at: number): number {
  let depth = 0;
  for (let index = at; index < tokens.length; index++) {
    if (tokens[index]!.text === "<") depth++;
    if (tokens[index]!.text === ">" && --depth === 0) return index;
  }
  return tokens.length;
}

/** Returns a function's or method's name; undefined where a statement stands before the parentheses. */
function methodName(tokens: readonly Token[], parentheses: number): string | undefined {
  let at = parentheses - 1;
  if (tokens[at]?.text === ">") at = angleStart(tokens, at) - 1;
  const { kind, text } = tokens[at] ?? { kind: "mark", text: "" };
  if (kind === "string" || text === "]") return text;
  return kind === "word" && !STATEMENTS.has(text) ? text : undefined;
}

/** Returns the index of the `<` that opens type parameters. */
function angleStart(tokens: readonly Token[], at: number): number {
  let depth = 0;
  for (let index = at; index > 0; index--) {
    if (tokens[index]!.text === ">") depth++;
    if (tokens[index]!.text === "<" && --depth === 0) return index;
  }
  return 0;
}

/** Returns the name that an arrow function is given, else "callback"; undefined for the arrow of a type. */
function arrowName(tokens: readonly Token[], parentheses: number): string | undefined {
  let at = parentheses - 1;
  if (tokens[at]?.text === "async") at--;
  const named = tokens[at]?.text === "=" || tokens[at]?.text === ":";
  const { kind, text } = tokens[at - 1] ?? { kind: "mark", text: "" };
  if (tokens[at - 2]?.text === "type") return undefined;
  return named && kind === "word" ? text : "callback";
}

/** Returns every function of a Rust file that has a body. */
export function rustFunctions(path: string, source: string): Length[] {
  const tokens = rustTokens(source).filter(({ kind }) => kind !== "comment");
  const pairs = bracketPairs(tokens);
  return tokens.flatMap(({ kind, text, line }, index) => {
    const name = tokens[index + 1];
    if (kind !== "word" || text !== "fn" || name?.kind !== "word") return [];
    let at = index;
    while (at < tokens.length && !"{;".includes(tokens[at]!.text)) {
      at = ("([".includes(tokens[at]!.text) ? pairs.get(at) ?? at : at) + 1;
    }
    const end = tokens[at]?.text === "{" ? pairs.get(at) : undefined;
    if (end === undefined) return [];
    return [{ path, name: name.text, line, lines: tokens[end]!.line - line + 1 }];
  });
}
