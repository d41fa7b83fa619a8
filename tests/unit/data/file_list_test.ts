import { deepEqual, equal, throws } from "node:assert/strict";
import { join } from "node:path";
import { isFileList, readFileList } from "../../../src/data/file_list.ts";
import { inFolder } from "../../support/in_folder.ts";
import { png } from "../../support/photo_files.ts";

/** Writes a list beside an image that its first line may name. @returns the list's path */
function list(folder: string, name: string, text: string): string {
  Deno.writeFileSync(join(folder, "a.png"), png(20, 20, 1));
  Deno.writeTextFileSync(join(folder, name), text);
  return join(folder, name);
}

Deno.test("CSV and JSON lines of the same images are one list", () =>
  inFolder((folder) => {
    const csv = "split,path,note,label\r\n" +
      'train,a.png,"one, two",cat\r\n\r\ntrain,sub/"c"".png,,dog\r\n'.replace(
        'sub/"c"".png',
        '"sub/c"".png"',
      ) +
      "VAL,/else/b.png,,dog\r\ntrain,sub/b.png,,dog\r\n";
    const json = [
      { path: "sub/b.png", label: "dog" },
      { path: 'sub/c".png', label: "dog", split: "training" },
      { path: "/else/b.png", label: "dog", split: "test" },
      { path: "a.png", label: "cat", split: "train" },
    ].map((row) => JSON.stringify(row)).join("\n\n");
    const place = list(folder, "all.csv", `\u{feff}${csv}`);
    const train = {
      root: folder,
      classes: ["cat", "dog"],
      folders: [
        { class: 0, path: "", files: ["a.png"] },
        { class: 1, path: "sub", files: ["b.png", 'c".png'] },
      ],
    };
    const test = {
      root: folder,
      classes: ["dog"],
      folders: [{ class: 0, path: "/else", files: ["b.png"] }],
    };
    deepEqual(readFileList(place), { train: { place, ...train }, test: { place, ...test } });
    // The first line must name a file that is there.
    Deno.mkdirSync(join(folder, "sub"));
    Deno.writeFileSync(join(folder, "sub/b.png"), png(20, 20, 2));
    const other = list(folder, "all.JSONL", json);
    deepEqual(readFileList(other), {
      train: { place: other, ...train },
      test: { place: other, ...test },
    });
    equal(isFileList(other), true);
    equal(isFileList(join(folder, "train.json")), false);
  }));

Deno.test("labels that are whole numbers have their order; without labels there is one class", () =>
  inFolder((folder) => {
    const rows = [10, 9, 0, 100].map((label, index) => `${index === 0 ? "a" : index}.png,${label}`);
    const numbered = readFileList(list(folder, "n.csv", `path,label\n${rows.join("\n")}\n`));
    deepEqual(numbered.train.classes, ["0", "9", "10", "100"]);
    equal(numbered.test, undefined);
    const plain = readFileList(list(folder, "plain.csv", "path\na.png\nb.png\n"));
    deepEqual(plain.train.classes, [""]);
    deepEqual(plain.train.folders, [{ class: 0, path: "", files: ["a.png", "b.png"] }]);
  }));

Deno.test("a changed list is read again", () =>
  inFolder((folder) => {
    const path = list(folder, "a.csv", "path\na.png\n");
    equal(readFileList(path).train.folders[0]!.files.length, 1);
    list(folder, "a.csv", "path\na.png\nb.png\n");
    equal(readFileList(path).train.folders[0]!.files.length, 2);
  }));

Deno.test("a list that cannot be used is refused by line", () =>
  inFolder((folder) => {
    const cases: [name: string, text: string, message: RegExp][] = [
      ["empty.csv", "", /first line has no column path but none/],
      ["head.csv", "path,label\n", /names no image/],
      [
        "columns.csv",
        "file,label\na.png,cat\n",
        /no column path but file, label, expected the columns/,
      ],
      ["cells.csv", "path,label\na.png\n", /is no CSV: .* line 2/],
      ["quotes.csv", 'path\n"a.png\n', /is no CSV/],
      ["label.csv", "path,label\na.png,cat\nb.png,\n", /line 3 has no label/],
      ["twice.csv", "path\na.png\nb.png\na.png\n", /lines 2 and 4 both name a.png/],
      ["split.csv", "path,split\na.png,dev\n", /line 2 has the split dev, expected one of train/],
      ["test.csv", "path,split\na.png,val\n", /all its images are to test on/],
      ["gone.csv", "path\nnone/a.png\n", /line 2 names .*none\/a.png, which does not exist/],
      ["folder.csv", "path\nsub/\n", /line 2 names .*sub\/, which does not exist/],
      ["control.csv", 'path\n"a\tb.png"\n', /line 2 has the path "a\\tb.png"/],
      ["json.jsonl", '{"path": "a.png"}\n["a.png"]\n', /line 2 is no JSON object/],
      ["cut.jsonl", '{"path": "a.p', /line 1 is no JSON object/],
      ["none.jsonl", '{"label": 3}\n', /line 1 has the path ""/],
    ];
    for (const [name, text, message] of cases) {
      throws(() => readFileList(list(folder, name, text)), message, name);
    }
    throws(() => readFileList(join(folder, "absent.csv")), /absent.csv: it does not exist/);
  }));
