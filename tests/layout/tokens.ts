/** Tokens of TypeScript and Rust sources: enough to tell code, strings and comments apart, not to compile. */

/** A piece of source text. */
export interface Token {
  kind: "word" | "number" | "string" | "regex" | "comment" | "mark";
  /** As it stands in the file; a template's literal texts are strings without quotes. */
  text: string;
  /** Line of the first character, from 1. */
  line: number;
}

const WORD = /[\p{ID_Start}$_#@][\p{ID_Continue}$\u200c\u200d]*/uy;
const NUMBER = /\d(?:[\w.]|(?<=[eE])[+-])*/y;
const COMMENT = /\/\/[^\n]*|\/\*[^]*?\*\//y;
const STRING = /"(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\\n])*'/y;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
const TEMPLATE_TEXT = /(?:\\[^]|\$(?!\{)|[^`\\$])+/y;
/** Words after which a slash starts a regular expression. */
const OPERATOR_WORDS = /^(?:return|typeof|case|in|of|delete|void|throw|new|await|yield|else|do)$/;

/** Returns the tokens of a TypeScript file, comments included. */
export function typescriptTokens(source: string): Token[] {
  const scanner = new Scanner(source);
  // For each open brace, true where it belongs to `${` of a template.
  const braces: boolean[] = [];
  while (scanner.skipBlanks()) {
    if (scanner.take("comment", COMMENT) || scanner.take("string", STRING)) continue;
    if (scanner.take("word", WORD) || scanner.take("number", NUMBER)) continue;
    const character = scanner.peek();
    if (character === "/" && regexMayStart(scanner.last()) && scanner.take("regex", REGEX)) {
      continue;
    }
    scanner.mark(scanner.starts("=>") ? "=>" : character);
    if (character === "{") braces.push(false);
    if (character === "`" || (character === "}" && braces.pop() === true)) {
      scanner.take("string", TEMPLATE_TEXT);
      if (scanner.starts("${")) braces.push(true);
      scanner.mark(scanner.starts("${") ? "${" : "`");
    }
  }
  return scanner.tokens;
}

function regexMayStart(last: Token | undefined): boolean {
  if (last === undefined) return true;
  if (last.kind === "mark") return !")]}`".includes(last.text);
  return last.kind === "word" && OPERATOR_WORDS.test(last.text);
}

const RUST_COMMENT = /\/\/[^\n]*|\/\*[^]*?\*\//y;
const RUST_STRING =
  /b?r(#*)"[^]*?"\1|b?"(?:\\[^]|[^"\\])*"|b?'(?:\\(?:u\{\w+\}|x\w\w|.)|[^'\\\n])'/y;
const LIFETIME = /'\w+/y;

/** Returns the tokens of a Rust file, comments included. */
export function rustTokens(source: string): Token[] {
  const scanner = new Scanner(source);
  while (scanner.skipBlanks()) {
    if (scanner.take("comment", RUST_COMMENT) || scanner.take("string", RUST_STRING)) continue;
    if (scanner.take("mark", LIFETIME) || scanner.take("word", WORD)) continue;
    if (scanner.take("number", /\d\w*(?:\.\d\w*)?/y)) continue;
    scanner.mark(scanner.starts("::") ? "::" : scanner.peek());
  }
  return scanner.tokens;
}

/** A place in a source text and the tokens before it. */
class Scanner {
  readonly tokens: Token[] = [];
  #at = 0;
  #line = 1;

  constructor(readonly source: string) {}

  /** Moves past white space; false at the end of the file. */
  skipBlanks(): boolean {
    while (this.#at < this.source.length && /\s/.test(this.peek())) this.#advance(1);
    return this.#at < this.source.length;
  }

  peek(): string {
    return this.source[this.#at] ?? "";
  }

  starts(text: string): boolean {
    return this.source.startsWith(text, this.#at);
  }

  /** Returns the last token that is no comment. */
  last(): Token | undefined {
    return this.tokens.findLast(({ kind }) => kind !== "comment");
  }

  mark(text: string): void {
    this.#add("mark", text);
  }

  /** Takes a token where the sticky expression matches here. */
  take(kind: Token["kind"], expression: RegExp): boolean {
    expression.lastIndex = this.#at;
    const text = expression.exec(this.source)?.[0];
    if (text === undefined || text === "") return false;
    this.#add(kind, text);
    return true;
  }

  #add(kind: Token["kind"], text: string): void {
    this.tokens.push({ kind, text, line: this.#line });
    this.#advance(text.length);
  }

  #advance(count: number): void {
    const end = this.#at + count;
    for (; this.#at < end; this.#at++) if (this.source[this.#at] === "\n") this.#line++;
  }
}

/** Returns, for each opening bracket's index, its closing bracket's; angle brackets are no brackets here. */
export function bracketPairs(tokens: readonly Token[]): Map<number, number> {
  const pairs = new Map<number, number>();
  const open: number[] = [];
  tokens.forEach(({ kind, text }, index) => {
    if (kind !== "mark") return;
    if (["(", "[", "{", "${"].includes(text)) open.push(index);
    if (!")]}".includes(text)) return;
    const start = open.pop();
    if (start !== undefined) pairs.set(start, index);
  });
  return pairs;
}
