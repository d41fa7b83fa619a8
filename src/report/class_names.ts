/** Class names for people: ImageNet's folders are named by WordNet's synsets, such as n01440764 for the tench. */

// The first lemma of each of ImageNet's 1000 synsets in WordNet 3.0, more words where two classes share a lemma.
import IMAGENET from "./imagenet_classes.json" with { type: "json" };

const NAMES: Readonly<Record<string, string>> = IMAGENET;

/** Returns class names with those of ImageNet's synsets in words; other names stay. */
export function inWords(classNames: readonly string[]): string[] {
  return classNames.map((name) => Object.hasOwn(NAMES, name) ? NAMES[name]! : name);
}
