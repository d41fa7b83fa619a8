/** The version of the program, from deno.json. */

import metadata from "../../deno.json" with { type: "json" };

/** Version of the program: major.minor.patch. */
export const VERSION: string = metadata.version;
