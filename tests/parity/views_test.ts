import { skip } from "../support/skip.ts";
import { parityTests } from "./oracle.ts";
import { hasPhotos, PHOTO_CHECKS, VIEW_CHECKS } from "./views.ts";

parityTests(VIEW_CHECKS.short);
if (hasPhotos()) {
  parityTests(PHOTO_CHECKS.short);
} else {
  Deno.test("operations of the views equal torchvision's on photos", () =>
    skip(
      "there are no photos (name their folder in BYOL_DATA): only the demo's images were compared",
      "operations of the views equal torchvision's on photos",
    ));
}
