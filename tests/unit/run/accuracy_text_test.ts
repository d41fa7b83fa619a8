import { equal } from "node:assert/strict";
import { testedText } from "../../../src/run/accuracy_text.ts";

Deno.test("a top-5 that is always right is named wherever accuracies are given", () => {
  equal(testedText({ tested: 1000, classes: 10 }), "1,000 test images, chance 10 %");
  equal(testedText({ tested: 8, classes: 6 }), "8 test images, chance 16.7 %");
  for (const [classes, chance] of [[5, "20"], [3, "33.3"], [1, "100"]] as const) {
    equal(
      testedText({ tested: 8, classes }),
      `8 test images, chance ${chance} %, top-5 always 100 %`,
    );
  }
  equal(testedText({ classes: 3 }, { hasTop5: false }), "chance 33.3 %");
  equal(testedText({}), "");
});
