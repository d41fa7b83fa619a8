import { EVALUATION_CHECKS } from "./evaluation.ts";
import { parityTests } from "./oracle.ts";

parityTests(EVALUATION_CHECKS.short);
