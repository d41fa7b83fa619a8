/** The version of the program, as deno.json has it. */

import metadata from "../../deno.json" with { type: "json" };

/** Version of the program: major.minor.patch. */
export const VERSION: string = metadata.version;
