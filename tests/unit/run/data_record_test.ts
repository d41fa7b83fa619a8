import { deepEqual, equal } from "node:assert/strict";
import type { DatasetDescription, FoundImages } from "../../../src/native/dataset.ts";
import {
  comparedText,
  dataRecordOf,
  differsFromPublished,
  foundLines,
  foundText,
  isDataRecord,
} from "../../../src/run/data_record.ts";

function described(
  images: number,
  { classes = 1000, verified = null, ...found }:
    & Partial<FoundImages>
    & Pick<Partial<DatasetDescription>, "verified"> = {},
): DatasetDescription {
  return {
    count: images,
    classes,
    classNames: [],
    digest: `digest of ${images}`,
    layout: "folder",
    verified,
    warnings: [],
    found: { place: "DIR", images, classes, ...found },
  };
}

Deno.test("what was found is one line, with some names of each kind", () => {
  equal(foundText(described(1, { classes: 1 }).found), "1 image of 1 class in DIR");
  const found: FoundImages = {
    ...{ place: "DIR/train", images: 36, classes: 3 },
    unread: { count: 24, names: [[".gif", 12], [".heic", 12]] },
    beside: { count: 1, names: [["sheet.png", 1]] },
    folders: { count: 3, names: [[".ipynb_checkpoints", 2], ["@eaDir", 1]] },
    hidden: { count: 9, names: [["._1.jpg", 1], ["._2.jpg", 1], ["a", 1], ["b", 1], ["c", 1]] },
    special: { count: 1, names: [["a/pipe\n.jpg", 1]] },
  };
  equal(
    foundText(found),
    "36 images of 3 classes in DIR/train; 24 files not read (.gif 12, .heic 12); " +
      "1 image beside class folders not read (sheet.png); " +
      "3 folders left out (.ipynb_checkpoints 2, @eaDir); " +
      "9 hidden files left out (._1.jpg, ._2.jpg, a, b, …); " +
      "1 pipe, socket or device left out (a/pipe\\n.jpg)",
  );
  equal(
    foundText({ ...described(5, { classes: 2 }).found, unpacked: 2 }),
    "5 images of 2 classes in DIR; 2 of them could not be packed",
  );
});

Deno.test("only what was compared with published data is called verified", () => {
  const cases = [
    ["folder", described(36), described(12), undefined, undefined],
    ["demo", described(5000), described(1000), undefined, undefined],
    ["imagenet", described(1_281_167), described(50_000), undefined, true],
    ["imagenet", described(1_281_167), undefined, undefined, true],
    ["imagenet", described(427_055), described(50_000), undefined, false],
    ["imagenet", described(1_281_167), described(49_999), undefined, false],
    ["imagenet", described(1_281_167, { classes: 999 }), undefined, undefined, false],
    ["cifar10", described(50_000, { verified: true }), undefined, true, true],
    [
      "cifar10",
      described(50_000, { verified: true }),
      described(10_000, { verified: false }),
      false,
      false,
    ],
  ] as const;
  for (const [name, train, test, verified, compared] of cases) {
    const record = dataRecordOf(name, { train, test });
    deepEqual([record.verified, record.compared?.equal], [verified, compared], name);
    equal(differsFromPublished(name, record), compared === false);
    deepEqual(isDataRecord(JSON.parse(JSON.stringify(record))), true);
  }
});

Deno.test("the words of a comparison, also of records of earlier versions, promise nothing else", () => {
  const text = (name: Parameters<typeof dataRecordOf>[0], train: DatasetDescription): string =>
    comparedText(name, dataRecordOf(name, { train, test: undefined }));
  equal(text("folder", described(36)), "nothing was compared with published data");
  equal(
    text("imagenet", described(36)),
    "not ILSVRC 2012's numbers of classes (1000) and of images (1281167 and 50000)",
  );
  equal(
    text("imagenet", described(1_281_167)),
    "ILSVRC 2012's numbers of classes (1000) and of images (1281167 and 50000); no bytes were compared",
  );
  equal(
    text("cifar10", described(50_000, { verified: true })),
    "the published bytes, by the MD5 of each file",
  );
  // Version 0.1.0 wrote `verified: true` for any folder.
  const earlier = { digest: "00", verified: true };
  for (const name of ["folder", "imagenet", "demo"] as const) {
    equal(comparedText(name, earlier), "nothing was compared with published data");
  }
  equal(comparedText("cifar10", earlier), "the published bytes, by the MD5 of each file");
  equal(
    comparedText("cifar10", { digest: "00", verified: false }),
    "not the published bytes, by the MD5 of each file",
  );
});

Deno.test("a damaged record of images is none", () => {
  const found = { train: { place: "DIR", images: 1, classes: 1 } };
  const damaged = [
    ...[null, [], {}, { digest: 1 }],
    ...["x", {}, { what: "x" }, null].map((compared) => ({ digest: "00", compared })),
    ...["x", { train: {} }, { train: null }, { train: { ...found.train, images: "1" } }].map(
      (found) => ({ digest: "00", found }),
    ),
    ...["x", {}, { count: 1, names: [1] }, { count: 1, names: [["a", "b"]] }].map((unread) => ({
      digest: "00",
      found: { train: { ...found.train, unread } },
    })),
  ];
  for (const json of damaged) equal(isDataRecord(json), false, JSON.stringify(json));
  equal(isDataRecord({ digest: "00", found }), true);
});

Deno.test("images in one place are told apart by their use", () => {
  const place = "the program itself";
  const [train, test] = [5000, 1000].map((images) =>
    described(images, { classes: 10, place }).found
  );
  deepEqual(foundLines({ train: train!, test: test! }), [
    "5000 images of 10 classes in the program itself, to train on",
    "1000 images of 10 classes in the program itself, to test on",
  ]);
  deepEqual(foundLines({ train: { ...train!, place: "DIR/train" }, test: test! }), [
    "5000 images of 10 classes in DIR/train",
    "1000 images of 10 classes in the program itself",
  ]);
  deepEqual(foundLines({ train: train! }), ["5000 images of 10 classes in the program itself"]);
});
