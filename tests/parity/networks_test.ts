import { NETWORK_CHECKS } from "./networks.ts";
import { parityTests } from "./oracle.ts";

parityTests(NETWORK_CHECKS.short);
